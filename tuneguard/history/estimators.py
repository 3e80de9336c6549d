"""The course of a training that a fitted estimator of scikit-learn remembers.

Nothing is imported of scikit-learn: an estimator is known by its fitted attributes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tuneguard.exceptions import HistoryFormatError

_SCORES: Final = {"r2": "r2", "accuracy": "accuracy"}
_EXPECTED: Final = (
    "Known are MLPClassifier and MLPRegressor with the solvers 'sgd' and 'adam', "
    "GradientBoosting*, and HistGradientBoosting* with early stopping or with X_val and y_val, "
    "each fitted, or as the last step of a pipeline."
)


@dataclass(frozen=True)
class EstimatorCourse:
    """What an estimator remembers of its training.

    Attributes:
        series: `(step, value)` pairs by key.
        params: What `get_params` returns.
        axis: What the steps count; stages of boosting are steps.
    """

    series: Mapping[str, list[tuple[int, float]]]
    params: Mapping[str, Any] = field(default_factory=dict)
    axis: Literal["step", "epoch"] = "step"


def course_of(estimator: Any, x_val: Any = None, y_val: Any = None) -> EstimatorCourse:
    """Read the course out of a fitted estimator.

    Args:
        estimator: A multi-layer perceptron or a boosting estimator, fitted.
        x_val: Samples that it was not fitted on, for the loss of each stage of boosting.
        y_val: Their targets.

    Raises:
        HistoryFormatError: It is not fitted, or keeps no course.
    """
    if hasattr(estimator, "steps"):
        last = estimator[-1]
        before = estimator[:-1]
        is_given = x_val is not None and len(before) > 0
        return course_of(last, before.transform(x_val) if is_given else x_val, y_val)
    if len(getattr(estimator, "loss_curve_", ())) > 0:
        return _of_perceptron(estimator)
    if hasattr(estimator, "staged_predict") and hasattr(estimator, "train_score_"):
        return _of_boosting(estimator, x_val, y_val)
    raise HistoryFormatError(
        f"{type(estimator).__name__} is not fitted, or keeps no course of its training. "
        f"{_EXPECTED}"
    )


def _of_perceptron(estimator: Any) -> EstimatorCourse:
    series = {"train/loss": _points(estimator.loss_curve_, 1)}
    scores = getattr(estimator, "validation_scores_", None)
    if scores is not None and len(scores) > 0:
        name = "accuracy" if hasattr(estimator, "classes_") else "r2"
        series[f"validation/{name}"] = _points(scores, 1)
    params = estimator.get_params()
    # the rate is called learning_rate_init, and learning_rate names the schedule
    named = {**params, "learning_rate": params.get("learning_rate_init")}
    return EstimatorCourse(series, named, "epoch")


def _of_boosting(estimator: Any, x_val: Any, y_val: Any) -> EstimatorCourse:
    series = dict(_scores_of_stages(estimator))
    if x_val is not None and y_val is not None:
        for key, values in _staged(estimator, x_val, np.asarray(y_val)).items():
            series[key] = _points(values, 1)
    if not series:
        raise HistoryFormatError(
            f"{type(estimator).__name__} kept no score of its stages, as it was fitted without "
            f"early stopping. {_EXPECTED}"
        )
    return EstimatorCourse(series, estimator.get_params(), "step")


def _scores_of_stages(estimator: Any) -> Iterator[tuple[str, list[tuple[int, float]]]]:
    """Yield what was scored while it was fitted.

    `GradientBoosting*` keeps losses, in which the deviance of two classes is twice the log loss;
    `HistGradientBoosting*` keeps scores, which for a loss are its negative, from stage 0 on.
    """
    kept = np.asarray(estimator.train_score_, dtype=np.float64)
    if not hasattr(estimator, "validation_score_"):
        is_doubled = len(getattr(estimator, "classes_", ())) == 2 and estimator.loss == "log_loss"
        yield "train/loss", _points(kept / (2.0 if is_doubled else 1.0), 1)
        return
    scoring = estimator.scoring or ("accuracy" if hasattr(estimator, "classes_") else "r2")
    name, sign = ("loss", -1.0) if scoring == "loss" else (_name_of(scoring), 1.0)
    for split, scores in (("train", kept), ("validation", estimator.validation_score_)):
        values = np.asarray(scores, dtype=np.float64)
        if values.size > 1:
            yield f"{split}/{name}", _points(sign * values, 0)


def _name_of(scoring: Any) -> str:
    return _SCORES.get(scoring, scoring) if isinstance(scoring, str) else "score"


def _staged(estimator: Any, x_val: Any, y_val: NDArray[Any]) -> dict[str, list[float]]:
    """Return the validation loss after each stage, where it is the loss that was fitted."""
    if hasattr(estimator, "classes_"):
        chances = list(estimator.staged_predict_proba(x_val))
        right = _columns_of(y_val, estimator.classes_)
        rows = np.arange(len(right))
        found = {
            "validation/accuracy": [float(np.mean(p.argmax(axis=1) == right)) for p in chances]
        }
        if estimator.loss == "log_loss":
            least = np.finfo(np.float64).eps
            found["validation/loss"] = [
                float(-np.mean(np.log(np.maximum(p[rows, right], least)))) for p in chances
            ]
        return found
    residuals = [y_val - predicted for predicted in estimator.staged_predict(x_val)]
    if estimator.loss == "squared_error":
        # HistGradientBoostingRegressor halves it, GradientBoostingRegressor does not
        share = 0.5 if hasattr(estimator, "validation_score_") else 1.0
        return {"validation/loss": [share * float(np.mean(one**2)) for one in residuals]}
    if estimator.loss == "absolute_error":
        return {"validation/loss": [float(np.mean(np.abs(one))) for one in residuals]}
    return {"validation/mse": [float(np.mean(one**2)) for one in residuals]}


def _columns_of(y_val: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.intp]:
    columns = np.searchsorted(classes, y_val).clip(0, len(classes) - 1)
    unknown = classes[columns] != y_val
    if unknown.any():
        raise HistoryFormatError(
            f"y_val holds {y_val[unknown][0]!r}, which is none of the classes that the estimator "
            "was fitted on."
        )
    return columns


def _points(values: ArrayLike, start: int) -> list[tuple[int, float]]:
    return [
        (step, float(value)) for step, value in enumerate(np.asarray(values).tolist(), start=start)
    ]
