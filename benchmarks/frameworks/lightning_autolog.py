"""Lightning, logged by MLflow."""

from __future__ import annotations

import mlflow

from benchmarks.frameworks.lightning_fit import LINE, fit
from benchmarks.frameworks.programs import Program

__all__ = ["LINE", "NAME", "OWN_LOGGING", "train"]

NAME = "Lightning"
OWN_LOGGING = "`mlflow.pytorch.autolog()`"


def train(program: Program, store: str, is_attached: bool) -> str:
    """Train a program."""
    mlflow.set_tracking_uri(store)
    mlflow.pytorch.autolog(log_models=False)
    fit(program, False, is_attached)
    run = mlflow.last_active_run()
    if run is None:
        raise RuntimeError("autologging opened no run")
    return str(run.info.run_id)
