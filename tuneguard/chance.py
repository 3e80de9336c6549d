"""How high a loss is that knows nothing: the reference that "stuck" and "overshoot" need."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from tuneguard.history import Axis, Role, RunHistory, Series
from tuneguard.statistics.uniform_guess import classes_guessed, most_classes

_FIRST_POINTS = 3
_NEAR_CHANCE = (0.7, 1.5)
_FEWEST_SCORES = 3
_SAME_SPREAD = 0.02
_FARTHEST = 100.0
_FEW_RIGHT = 0.6
_PLAIN = "NllLoss <"
_UNITS = (1.0, 1e3, 1e-3, 1e6, 1e-6)
_ACCURACIES = frozenset({"acc", "accuracy", "top1"})
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
    elsewhere or the loss is another, and the run's own first loss stands in for it. For a
    regression it is the loss of predicting the mean, where the coefficient of determination was
    recorded beside the validation loss: the loss over `1 - R²`, the same at each validation.

    Rows of one an epoch begin when a part was learned, and their first loss is no reference. There
    it is `ln C` of classes that params declare, or that the run guesses among at its beginning or
    at its end: loss and accuracy are those of a uniform guess; or the loss of predicting the mean.

    Returns:
        `None` where the training loss was not recorded from the start, or begins at or below 0.
    """
    series = history.get(Role.TRAIN_LOSS)
    if series is None or len(series) < 2 * _FIRST_POINTS:
        return None
    if series.axis is Axis.EPOCH:
        return _reference_of_rows(history, series)
    first = series.values[:_FIRST_POINTS]
    if series.positions[0] > 0.01 or not np.isfinite(first[0]) or first[0] <= 0.0:
        return None
    classes = number_of_classes(history)
    if classes is not None:
        unit = _unit(float(first[0]) / math.log(classes), history)
        if unit is not None:
            words = f"chance level, ln {classes}" + (f" times {unit:g}" if unit != 1.0 else "")
            return Reference(unit * math.log(classes), "chance", words)
    spread = _spread_of_targets(history)
    if spread is not None:
        return Reference(spread, "chance", "the loss of predicting the mean")
    return Reference(float(first[0]), "start", "the first loss")


def _reference_of_rows(history: RunHistory, loss: Series) -> Reference | None:
    spread = _spread_of_targets(history)
    if spread is not None:
        return Reference(spread, "chance", "the loss of predicting the mean")
    finite = loss.finite().values
    classes = number_of_classes(history)
    if len(finite) == 0 or finite.min() <= 0.0:
        return None
    if classes is not None:
        is_plain = finite[0] <= _NEAR_CHANCE[1] * math.log(classes)
        words = f"chance level, ln {classes}"
        return Reference(math.log(classes), "chance", words) if is_plain else None
    both = loss_and_accuracy(history)
    task = history.hyperparameters.task
    if both is None or task not in {None, "classification"}:
        return None
    guessed = classes_guessed(both[0].values, both[1].values)
    if guessed is None:
        return None
    words = f"chance level, ln {guessed} by the validations at which the model only guessed"
    return Reference(math.log(guessed), "chance", words)


def first_over_chance(history: RunHistory) -> float | None:
    """Return the first loss over that of knowing nothing, however far above it is.

    Of a classification that is a uniform guess, `ln C`; of a regression the mean of the targets,
    where `reference_level` can tell it. Where it cannot, but `R²` was 0 or less at a validation,
    the squared error there is no better than that, and the first loss is at least so many times
    as high.

    Returns:
        From 0.7 on; of a classification at most 100, in the unit of the loss that gives the least
        such ratio, where the loss is not known to be a plain cross-entropy. `None` where neither
        classes nor spread are known, or the first loss lies elsewhere or was not recorded, or
        where the loss never came down to that level and may be of another kind.
    """
    series = history.get(Role.TRAIN_LOSS)
    if series is None or len(series) == 0 or series.axis.value != "step":
        return None
    if series.steps[0] > 1.0 or not np.isfinite(series.values[0]):
        return None
    classes, spread = number_of_classes(history), _spread_of_targets(history)
    if classes is None:
        spread = spread if spread is not None else _spread_at_most(history)
        ratio = float(series.values[0]) / spread if spread is not None else 0.0
        return ratio if ratio >= _NEAR_CHANCE[0] else None
    ratio = float(series.values[0]) / math.log(classes)
    if _is_plain(history):
        return ratio if ratio >= _NEAR_CHANCE[0] else None
    ratios = [ratio / unit for unit in _units(history)]
    found = min((one for one in ratios if _NEAR_CHANCE[0] <= one <= _FARTHEST), default=None)
    if found is None:
        return None
    lowest = float(np.min(series.values, where=series.is_finite, initial=np.inf))
    return found if lowest <= float(series.values[0]) / found else None


def _unit(ratio: float, history: RunHistory) -> float | None:
    """Return the unit of the loss in which the first of them is near chance level."""
    low, high = _NEAR_CHANCE
    return next((unit for unit in _units(history) if low <= ratio / unit <= high), None)


def _units(history: RunHistory) -> list[float]:
    """Return the units that the loss may have: one, where it is seen to be a mean."""
    known = history.hyperparameters
    batch = known.batch_size
    if _is_plain(history):
        return [1.0]
    is_declared = known.num_classes is not None or known.task is not None
    units = list(_UNITS if is_declared else _UNITS[:1])
    return [*units, batch] if batch is not None and batch > 0 else units


def _is_plain(history: RunHistory) -> bool:
    """Whether the loss is known to be a cross-entropy, averaged over the batch."""
    graph = history.hyperparameters.loss_graph
    return graph is not None and graph.startswith(_PLAIN)


def _spread_of_targets(history: RunHistory) -> float | None:
    """Return the loss of predicting the mean, as squared error and `R²` of validations give it."""
    loss = history.get(Role.VALIDATION_LOSS)
    key = next((one.key for one in history.metrics if one.name == "r2"), None)
    if loss is None or key is None or number_of_classes(history) is not None:
        return None
    other = history.series[key]
    _, of_loss, of_other = np.intersect1d(loss.steps, other.steps, return_indices=True)
    errors, scores = loss.values[of_loss], other.values[of_other]
    usable = np.isfinite(errors) & np.isfinite(scores) & (scores != 0.0) & (scores < 0.99)
    if usable.sum() < _FEWEST_SCORES:
        return None
    spreads = errors[usable] / (1.0 - scores[usable])
    middle = float(np.median(spreads))
    is_one = middle > 0.0 and float(np.abs(spreads - middle).max()) <= _SAME_SPREAD * middle
    return middle if is_one else None


def _spread_at_most(history: RunHistory) -> float | None:
    """Return the lowest squared error at which `R²` showed nothing learned."""
    loss, graph = history.get(Role.VALIDATION_LOSS), history.hyperparameters.loss_graph
    key = next((one.key for one in history.metrics if one.name == "r2"), None)
    if loss is None or key is None or graph is None or not graph.startswith("MseLoss <"):
        return None
    scores = history.series[key]
    idle = scores.steps[scores.is_finite & (scores.values <= 0.0)]
    errors = loss.where(np.isin(loss.steps, idle)).finite().values
    return float(errors.min()) if len(errors) and errors.min() > 0.0 else None


def loss_without_gain(history: RunHistory) -> float | None:
    """Return the last validation loss of a run whose `R²` was never above 0 in its second half.

    Such a model is no better than the mean of the targets would be, whatever its loss came down
    from, and whichever loss it is.

    Returns:
        `None` where `R²` was above 0, or was recorded fewer than six times.
    """
    loss = history.get(Role.VALIDATION_LOSS)
    key = next((one.key for one in history.metrics if one.name == "r2"), None)
    if loss is None or key is None or number_of_classes(history) is not None:
        return None
    scores, finite = history.series[key].finite(), loss.finite()
    late = scores.values[len(scores) // 2 :]
    if len(late) < _FEWEST_SCORES or len(finite) == 0 or late.max() > 0.0:
        return None
    last = float(finite.values[-1])
    return last if last > 0.0 else None


def number_of_classes(history: RunHistory) -> int | None:
    """Return the number of classes, as declared or as the last layer shows it.

    Returns:
        `None` where it is not known, and for what is no classification.
    """
    known = history.hyperparameters
    if known.task not in {None, "classification"}:
        return None
    count = known.num_classes
    if count is None and (known.task is not None or _counts_classes(history)):
        count = known.output_units
    return int(count) if count is not None and count >= 2 else None


def loss_and_accuracy(history: RunHistory) -> tuple[Series, Series] | None:
    """Return loss and accuracy of the same validations, the accuracy as a share.

    Returns:
        Two series of the same steps, all finite; `None` where one of them was not recorded.
    """
    loss = history.get(Role.VALIDATION_LOSS)
    key = next(
        (
            one.key
            for one in history.metrics
            if one.split == "validation" and one.name in _ACCURACIES
        ),
        None,
    )
    if loss is None or key is None:
        return None
    accuracy = history.series[key].finite()
    loss = loss.where(loss.is_finite & np.isin(loss.steps, accuracy.steps))
    accuracy = accuracy.where(np.isin(accuracy.steps, loss.steps))
    is_percent = len(accuracy) > 0 and float(accuracy.values.max()) > 1.0
    return loss, replace(accuracy, values=accuracy.values / (100.0 if is_percent else 1.0))


def _counts_classes(history: RunHistory) -> bool:
    """Whether a metric was recorded that only a classification has."""
    return any(
        part.startswith(_OF_CLASSES)
        for metric in history.metrics
        for part in metric.name.split("_")
    )


def chance_at_most(history: RunHistory) -> Reference | None:
    """Return chance level in rows of one an epoch whose losses never were at it, or more than it.

    It is that of the classes that params declare, or of the most that there may be by the worst
    accuracy (`most_classes`). Where most answers are right, a loss above that level would be the
    sum of many, and nothing is returned.
    """
    loss, known = history.get(Role.TRAIN_LOSS), history.hyperparameters
    if loss is None or loss.axis is not Axis.EPOCH or known.task == "regression":
        return None
    if known.num_classes is not None and known.num_classes >= 2.0:
        count = known.num_classes
        return Reference(math.log(count), "chance", f"chance level, ln {count:.0f}")
    both = loss_and_accuracy(history)
    if both is None or len(both[1]) == 0:
        return None
    count, late = most_classes(both[1].values), both[1].values[len(both[1]) // 2 :]
    if not math.isfinite(count) or float(np.median(late)) > _FEW_RIGHT:
        return None
    return Reference(math.log(count), "chance", f"chance level of at most {count:.0f} classes")
