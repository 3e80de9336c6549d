"""The figures that were measured, kept part by part beside the program that measures them."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

FOLDER = Path(__file__).resolve().parent / "results"
PACKAGES = ("torch", "mlflow", "mlflow-skinny", "lightning", "wandb")

Row = dict[str, Any]


def save(part: str, rows: Sequence[Row], folder: Path = FOLDER) -> None:
    """Keep the rows of a part, with the machine that they were measured on and the date."""
    folder.mkdir(exist_ok=True)
    head = json.dumps(conditions())[:-1]
    lines = ",\n".join(json.dumps(row) for row in rows)
    text = f'{head}, "rows": [\n{lines}\n]}}\n'
    (folder / f"{part}.json").write_text(text, encoding="utf-8")


def load(part: str, folder: Path = FOLDER) -> Mapping[str, Any] | None:
    """Return what `save` kept, or `None` where it was not measured."""
    path = folder / f"{part}.json"
    found: Mapping[str, Any] = (
        json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    )
    return found or None


def conditions() -> Row:
    """Return the machine, the versions and the date."""
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "versions": {name: found for name in PACKAGES if (found := _version_of(name))},
    }


def load_average() -> float:
    """Return how many threads wanted a core over the last minute; NaN where it is not known."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _version_of(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
