"""How high a loss is that knows nothing: the reference that "stuck" and "overshoot" need."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tuneguard.history import Role, RunHistory

_FIRST_POINTS = 3
_NEAR_CHANCE = (0.7, 1.5)
_UNITS = (1.0, 1e3, 1e-3, 1e6, 1e-6)
_OF_CLASSES = ("acc", "top1", "top5", "f1", "auc", "auroc")


@dataclass(frozen=True, slots=True)
class Reference:
    """The loss of a model that has learned nothing.

    Attributes:
        level: That loss, in the unit of the run's loss.
        kind: `chance` where it is that of a uniform guess, `start` where it is only the run's
            own first loss.
        words: How to call it in a sentence.
    """

    level: float
    kind: Literal["chance", "start"]
    words: str


def reference_level(history: RunHistory) -> Reference | None:
    """Find what the loss of a model that has learned nothing is.

    For a classification it is the cross-entropy of a uniform guess, `ln C`, provided that the
    first loss of the run, taken before any learning, agrees with it: as a mean over the batch,
    as a sum over it, or, where the classes or the task are declared, in a unit a thousand times
    larger or smaller. The outputs of the last layer count as classes only where the task or a
    metric such as accuracy says so: a regression has outputs as well. Otherwise the model starts
    elsewhere or the loss is another, and the run's own first loss stands in for it.

    Returns:
        `None` where the training loss was not recorded from the start, or begins at or below 0.
    """
    series = history.get(Role.TRAIN_LOSS)
    if series is None or len(series) < 2 * _FIRST_POINTS:
        return None
    first = series.values[:_FIRST_POINTS]
    is_from_start = series.axis.value == "step" and series.positions[0] <= 0.01
    if not is_from_start or not np.isfinite(first[0]) or first[0] <= 0.0:
        return None
    classes = _number_of_classes(history)
    if classes is not None:
        unit = _unit(float(first[0]) / math.log(classes), history)
        if unit is not None:
            words = f"chance level, ln {classes}" + (f" times {unit:g}" if unit != 1.0 else "")
            return Reference(unit * math.log(classes), "chance", words)
    return Reference(float(first[0]), "start", "the first loss")


def _unit(ratio: float, history: RunHistory) -> float | None:
    """Return the unit of the loss in which the first of them is near chance level."""
    low, high = _NEAR_CHANCE
    batch = history.hyperparameters.batch_size
    known = history.hyperparameters
    is_declared = known.num_classes is not None or known.task is not None
    units = [
        *(_UNITS if is_declared else _UNITS[:1]),
        *([batch] if batch is not None and batch > 0 else []),
    ]
    return next((unit for unit in units if low <= ratio / unit <= high), None)


def _number_of_classes(history: RunHistory) -> int | None:
    """Return the number of classes, as declared or as the last layer shows it."""
    known = history.hyperparameters
    if known.task not in {None, "classification"}:
        return None
    count = known.num_classes
    if count is None and (known.task is not None or _counts_classes(history)):
        count = known.output_units
    return int(count) if count is not None and count >= 2 else None


def _counts_classes(history: RunHistory) -> bool:
    """Whether a metric was recorded that only a classification has."""
    return any(
        part.startswith(_OF_CLASSES)
        for metric in history.metrics
        for part in metric.name.split("_")
    )
