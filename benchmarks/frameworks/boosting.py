"""Boosted trees on the programs that they can be trained with, healthy and for too long.

They tell even from odd digits: with ten classes, every round would grow ten trees.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlflow

from benchmarks.frameworks.programs import Arrays, Program

LINE = ""
PLANTS = frozenset({"healthy", "overfitting"})
_SETTINGS = {
    "healthy": {"max_depth": 2, "learning_rate": 0.2, "rounds": 40, "penalty": 1.0},
    "overfitting": {"max_depth": 6, "learning_rate": 0.5, "rounds": 200, "penalty": 0.0},
}


def boosted(
    program: Program,
    store: str,
    flavour: Any,
    train: Callable[[Arrays, Arrays, dict[str, Any]], None],
) -> str:
    """Train a program as autologging of `flavour` sees it, and return the id of the run."""
    mlflow.set_tracking_uri(store)
    flavour.autolog(log_models=False, log_datasets=False)
    with mlflow.start_run() as run:
        (images, labels), (unknown, unknown_labels) = program.split()
        settings = {**_SETTINGS[program.plant], "seed": program.seed}
        train((images, labels % 2), (unknown, unknown_labels % 2), settings)
    return str(run.info.run_id)
