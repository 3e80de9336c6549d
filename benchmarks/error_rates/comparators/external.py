"""Other tools that diagnose logs, installed beside this project and run on the same histories.

`make comparators` installs them into an environment of their own, `build/comparators`: none of
them needs torch. They read tables, so the callback's histories are written as such: one row for
each step at which anything was recorded. Times are left out, as they are the machine's.
gradsnitch can also watch a loop itself, which shows it more than a table does.
"""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tuneguard.history import Role, RunHistory, Series

INTERPRETER: Final = Path(__file__).resolve().parents[3] / "build/comparators/bin/python"
_SCRIPT: Final = Path(__file__).with_name("peer_process.py")
_BATCH: Final = 200  # histories that lie on the disk at a time
_COLUMNS: Final = {
    Role.TRAIN_LOSS: "train_loss",
    Role.VALIDATION_LOSS: "val_loss",
    Role.LEARNING_RATE: "lr",
    Role.GRADIENT_NORM: "grad_norm",
    Role.UPDATE_RATIO: "update_ratio",
}

NAMES: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "gradsnitch": {
        "GS001": ("non-finite-values", "divergence", "exploding-gradients"),
        "GS002": ("exploding-gradients", "non-finite-values"),
        "GS003": ("exploding-gradients", "loss-spikes"),
        "GS004": ("overfitting", "overconfidence", "no-generalization"),
        "GS005": ("no-learning", "learning-rate-too-low", "underfitting", "loss-plateau"),
        "GS006": ("divergence", "learning-rate-too-high"),
        "GS007": ("vanishing-gradients",),
        "GS008": ("learning-rate-too-high", "learning-rate-too-low"),
        "GS009": ("learning-rate-oscillation", "learning-rate-too-high"),
        "GS010": ("schedule-fault",),
    },
    "runmedic": {
        "non_finite": ("non-finite-values", "divergence", "exploding-gradients"),
        "divergence": ("divergence", "learning-rate-too-high", "exploding-gradients"),
        "loss_spikes": ("loss-spikes", "learning-rate-oscillation"),
        "no_learning": (
            "no-learning",
            "learning-rate-too-low",
            "frozen-parameters",
            "underfitting",
        ),
        "overfitting": ("overfitting", "overconfidence", "no-generalization"),
        "grad_spikes": ("exploding-gradients", "loss-spikes"),
    },
    "trainspotter": {
        "Diverged (non-finite values)": ("non-finite-values", "divergence", "exploding-gradients"),
        "Diverged (sustained growth)": ("divergence", "learning-rate-too-high"),
        "Loss spike": ("loss-spikes", "learning-rate-oscillation"),
        "Overfitting onset": ("overfitting", "overconfidence", "no-generalization"),
        "No LR warmup detected": ("learning-rate-too-high",),
        "Gradient-norm explosion": ("exploding-gradients",),
        "Eval metric too noisy to rank checkpoints": ("noisy-validation",),
    },
    "losslint": {
        "nan_inf": ("non-finite-values", "divergence", "exploding-gradients"),
        "loss_spike": ("loss-spikes", "learning-rate-oscillation"),
        "divergence": ("divergence", "learning-rate-too-high"),
        "step_backtrack": ("schedule-fault",),
        "parse": ("non-finite-values",),
    },
}
"""For each tool, from its own findings to the rules that they correspond to."""


def are_installed() -> bool:
    """Whether the environment of the other tools is there."""
    return INTERPRETER.exists()


def meanings_of_others(
    histories: Iterable[RunHistory],
) -> Iterator[dict[str, list[tuple[str, ...]]]]:
    """Ask the other tools about many runs.

    Args:
        histories: As the callback records them.

    Yields:
        For each history, from the name of a tool to its alarms in its own order: of each the
        rules that it may stand for.

    Raises:
        FileNotFoundError: Their environment is not there.
        RuntimeError: The process that runs them ended early.
    """
    batch: list[RunHistory] = []
    for history in histories:
        batch.append(history)
        if len(batch) == _BATCH:
            yield from _asked(batch)
            batch = []
    if batch:
        yield from _asked(batch)


def _asked(histories: Sequence[RunHistory]) -> Iterator[dict[str, list[tuple[str, ...]]]]:
    with TemporaryDirectory() as folder:
        paths = [Path(folder, f"run{index}.csv") for index in range(len(histories))]
        for path, history in zip(paths, histories, strict=True):
            write_table(history, path)
        done = subprocess.run(
            [INTERPRETER, _SCRIPT],
            input="\n".join(map(str, paths)),
            capture_output=True,
            text=True,
            check=False,
        )
        lines = done.stdout.splitlines()
        if len(lines) != len(histories):
            raise RuntimeError(f"the other tools ended early: {done.stderr[-2000:]}")
        for line in lines:
            found = json.loads(line)
            yield {tool: [NAMES[tool][one] for one in found[tool]] for tool in found}


def write_table(history: RunHistory, path: Path) -> None:
    """Write a history as other tools read it: a row for each step, empty where nothing was."""
    columns = {name: history.get(role) for role, name in _COLUMNS.items()}
    for metric in history.metrics:
        if metric.split == "validation":
            columns[f"val_{metric.name}"] = history.series[metric.key]
    there = {name: series for name, series in columns.items() if series is not None}
    rows = _rows(there)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["step", *there])
        writer.writeheader()
        writer.writerows({"step": int(step), **rows[step]} for step in sorted(rows))


def _rows(columns: dict[str, Series]) -> dict[float, dict[str, float]]:
    rows: dict[float, dict[str, float]] = {}
    for name, series in columns.items():
        for step, value in zip(series.steps.tolist(), series.values.tolist(), strict=True):
            rows.setdefault(step, {})[name] = value
    return rows
