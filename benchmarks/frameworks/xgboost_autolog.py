"""XGBoost, logged by MLflow."""

from __future__ import annotations

from typing import Any

import mlflow
import xgboost

from benchmarks.frameworks.boosting import LINE, PLANTS, boosted
from benchmarks.frameworks.programs import Arrays, Program

__all__ = ["LINE", "NAME", "OWN_LOGGING", "PLANTS", "train"]

NAME = "XGBoost"
OWN_LOGGING = "`mlflow.xgboost.autolog()`"


def train(program: Program, store: str, is_attached: bool) -> str:  # noqa: ARG001 - there is no network to attach it to
    """Train a program."""
    return boosted(program, store, mlflow.xgboost, _train)


def _train(training: Arrays, validation: Arrays, settings: dict[str, Any]) -> None:
    known, unknown = xgboost.DMatrix(*training), xgboost.DMatrix(*validation)
    params = {
        "objective": "binary:logistic",
        "eval_metric": "logloss",
        "max_depth": settings["max_depth"],
        "eta": settings["learning_rate"],
        "lambda": settings["penalty"],
        "min_child_weight": settings["penalty"],
        "seed": settings["seed"],
        "nthread": 1,
    }
    sets = [(known, "train"), (unknown, "validation")]
    xgboost.train(params, known, settings["rounds"], evals=sets, verbose_eval=False)
