"""LightGBM, logged by MLflow."""

from __future__ import annotations

from typing import Any

import lightgbm
import mlflow

from benchmarks.frameworks.boosting import LINE, PLANTS, boosted
from benchmarks.frameworks.programs import Arrays, Program

__all__ = ["LINE", "NAME", "OWN_LOGGING", "PLANTS", "train"]

NAME = "LightGBM"
OWN_LOGGING = "`mlflow.lightgbm.autolog()`"


def train(program: Program, store: str, is_attached: bool) -> str:  # noqa: ARG001 - there is no network to attach it to
    """Train a program."""
    return boosted(program, store, mlflow.lightgbm, _train)


def _train(training: Arrays, validation: Arrays, settings: dict[str, Any]) -> None:
    known = lightgbm.Dataset(*training)
    unknown = lightgbm.Dataset(*validation, reference=known)
    params = {
        "objective": "binary",
        "metric": "binary_logloss",
        "num_leaves": 2 ** min(settings["max_depth"], 5),
        "min_data_in_leaf": 2,
        "learning_rate": settings["learning_rate"],
        "seed": settings["seed"],
        "num_threads": 1,
        "verbose": -1,
    }
    names = ["train", "valid"]
    lightgbm.train(params, known, settings["rounds"], [known, unknown], names)
