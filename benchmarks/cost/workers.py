"""Each measurement in a process of its own, with a store and a folder of its own."""

from __future__ import annotations

import argparse
import atexit
import importlib
import importlib.util
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
STORE = "mlflow.db"


def in_own_process(function: str, **arguments: Any) -> Any:
    """Call a function of this package in a new process, and return what it returns.

    Args:
        function: Module and name, as in `recorder_cost.measure_recorder`.
        **arguments: What JSON can hold.

    Raises:
        RuntimeError: It failed; the message is the end of what it printed.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        uri = new_store(Path(folder))
        answer = Path(folder) / "answer.json"
        command = [
            sys.executable,
            "-m",
            "benchmarks.cost.workers",
            function,
            json.dumps(arguments),
            str(answer),
        ]
        threads = str(arguments.get("threads", 1))
        done = subprocess.run(
            command,
            check=False,
            cwd=folder,
            env=_environment(folder, uri, threads),
            capture_output=True,
            text=True,
        )
        if not answer.exists():
            lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise RuntimeError(f"{function}: {lines[-1]}")
        return json.loads(answer.read_text(encoding="utf-8"))


def new_store(folder: Path) -> str:
    """Return the address of a store without a run: SQLite, or files where mlflow-skinny is all."""
    if importlib.util.find_spec("sqlalchemy") is None:
        return (folder / "mlruns").as_uri()
    shutil.copy(_empty_database(), folder / STORE)
    return f"sqlite:///{folder / STORE}"


@cache
def _empty_database() -> Path:
    """A database whose tables exist: creating them takes seconds, copying it none."""
    from mlflow import MlflowClient  # noqa: PLC0415 - the parent needs it for nothing else

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    path = Path(tempfile.mkdtemp()) / STORE
    atexit.register(shutil.rmtree, path.parent, ignore_errors=True)
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


def _environment(folder: str, uri: str, threads: str) -> dict[str, str]:
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {
        **os.environ,
        "PYTHONPATH": path,
        "MLFLOW_TRACKING_URI": uri,
        "MLFLOW_ALLOW_FILE_STORE": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "1",
        "TUNEGUARD_SPOOL": f"{folder}/spool",
        "WANDB_MODE": "offline",
        "WANDB_SILENT": "true",
        "WANDB_DIR": folder,
        "OMP_NUM_THREADS": threads,
    }


def main() -> None:
    """Answer one call."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    for name in ("function", "arguments", "answer"):
        parser.add_argument(name)
    given = parser.parse_args()
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    module, _, name = given.function.rpartition(".")
    call = getattr(importlib.import_module(f"benchmarks.cost.{module}"), name)
    found = call(**json.loads(given.arguments))
    Path(given.answer).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
