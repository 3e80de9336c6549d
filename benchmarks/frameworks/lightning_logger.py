"""Lightning, logged by its own logger for MLflow."""

from __future__ import annotations

from lightning.pytorch.loggers import MLFlowLogger

from benchmarks.frameworks.lightning_fit import LINE, fit
from benchmarks.frameworks.programs import Program

__all__ = ["LINE", "NAME", "OWN_LOGGING", "train"]

NAME = "Lightning"
OWN_LOGGING = "`MLFlowLogger`"


def train(program: Program, store: str, is_attached: bool) -> str:
    """Train a program."""
    logger = MLFlowLogger(tracking_uri=store)
    fit(program, logger, is_attached)
    return str(logger.run_id)
