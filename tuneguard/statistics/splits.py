"""The courses of training and of validation that rules hold against each other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from tuneguard.history import Metric, Role, RunHistory, Series
from tuneguard.statistics.curve import Curve, course

FloatArray = NDArray[np.float64]

_OF_CLASSES = ("acc", "top", "f1", "auc", "auroc", "precision", "recall")
_ACCURACIES = ("accuracy", "acc", "top1", "balanced_accuracy", "accuracy_score")


@dataclass(frozen=True, slots=True)
class MeasuredCourse:
    """A series with its course, turned so that lower is better.

    Attributes:
        series: As the run has it.
        curve: Its course; of the negated values where higher is better.
        is_negated: Whether it was negated.
        name: What it measures: `loss`, `accuracy`, ...
    """

    series: Series
    curve: Curve
    is_negated: bool
    name: str

    @property
    def second_half(self) -> tuple[float, float]:
        """The steps in the middle and at the end of the series."""
        first, last = self.series.span
        return 0.5 * (first + last), last

    def falling(self) -> tuple[FloatArray, FloatArray]:
        """Return steps and finite values, turned so that lower is better."""
        finite = self.series.finite()
        return finite.steps, -finite.values if self.is_negated else finite.values

    @property
    def counts_classes(self) -> bool:
        """Whether it is a metric that only a classification has, such as accuracy."""
        return any(part.startswith(_OF_CLASSES) for part in self.name.split("_"))

    @property
    def best(self) -> float:
        """The best level in the unit of the series."""
        return -self.curve.best if self.is_negated else self.curve.best

    @property
    def end(self) -> float:
        """The last level in the unit of the series."""
        return -self.curve.end if self.is_negated else self.curve.end


def training_loss(history: RunHistory, min_points: int = 5) -> MeasuredCourse | None:
    """Return the training loss, as evaluated like validation where there is one."""
    roles = (Role.TRAIN_EVALUATION_LOSS, Role.TRAIN_LOSS)
    return next((one for role in roles if (one := _loss(history, role, min_points))), None)


def validation_loss(history: RunHistory, min_points: int = 8) -> MeasuredCourse | None:
    """Return the validation loss, or `None` where it has fewer finite points."""
    return _loss(history, Role.VALIDATION_LOSS, min_points)


def quality(history: RunHistory, split: str, min_points: int = 8) -> MeasuredCourse | None:
    """Return the metric that says best how good the model is on a split: accuracy, else the first.

    Args:
        history: The run.
        split: `train` or `validation`.
        min_points: Fewest finite points.
    """
    found = [one for one in history.metrics if one.split == split]
    for metric in sorted(found, key=_rank):
        series = history.series[metric.key]
        curve = _metric_course(series, negate=metric.higher_is_better)
        if curve is not None and curve.points >= min_points:
            return MeasuredCourse(series, curve, metric.higher_is_better, metric.name)
    return None


def _rank(metric: Metric) -> int:
    return _ACCURACIES.index(metric.name) if metric.name in _ACCURACIES else len(_ACCURACIES)


def _loss(history: RunHistory, role: Role, min_points: int) -> MeasuredCourse | None:
    series = history.get(role)
    curve = course(series) if series is not None else None
    if series is None or curve is None or curve.points < min_points:
        return None
    return MeasuredCourse(series, curve, is_negated=False, name="loss")


_NEGATED: WeakKeyDictionary[Series, Series] = WeakKeyDictionary()


def _metric_course(series: Series, *, negate: bool) -> Curve | None:
    if not negate:
        return course(series)
    if series not in _NEGATED:
        _NEGATED[series] = replace(series, values=-series.values)
    return course(_NEGATED[series])
