"""How far a run ended from having learned: what faults inside of the network are held against."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tuneguard.chance import Reference, loss_and_accuracy, loss_without_gain, reference_level
from tuneguard.findings import Evidence
from tuneguard.history import Axis, Role, RunHistory, Series
from tuneguard.statistics.curve import Curve, course
from tuneguard.statistics.even_errors import loss_of_even_errors
from tuneguard.statistics.single_answer import LateRows, late_rows
from tuneguard.statistics.splits import MeasuredCourse

_ABOVE_CHANCE = 1.5
_AT_CHANCE = 1.2
_LAST = 5


def shortfall(history: RunHistory, threshold: float) -> Evidence | str:
    """Measure where the training loss ended, as a share of that of a model that knows nothing.

    Where the number of classes is declared and the loss began far above chance level but came
    down to it or below, it is held against chance level: a run that falls from 500 to ln C has
    learned nothing. Nor has a regression that fell from 500 to 24, the validation loss there,
    if its `R²` still says that the mean of the targets would do as well.

    Args:
        history: The run.
        threshold: What the evidence is held against.

    Returns:
        The evidence, or in a sentence why nobody can tell: the run is still before its half, the
        loss has no positive reference, or it did not stay finite.
    """
    if _is_too_early(history):
        return "the run is still going on, and may still learn"
    loss = history.get(Role.TRAIN_LOSS)
    curve = course(loss) if loss is not None else None
    reference = level_of_knowing_nothing(history, curve.end) if curve is not None else None
    if loss is None or curve is None or reference is None:
        return "the loss has no positive level to be held against"
    if not np.isfinite(loss.values[-5:]).any():
        return "the loss did not stay finite"
    return Evidence(
        loss.key,
        f"level at the end over {reference.words}",
        curve.end / reference.level,
        threshold,
        (float(loss.steps[len(loss) // 2]), float(loss.steps[-1])),
    )


def level_of_knowing_nothing(history: RunHistory, end: float) -> Reference | None:
    """Find the level that a loss is held against which may have begun far above chance level.

    Args:
        history: The run.
        end: Where its loss ended.

    Returns:
        What `reference_level` returns, or, in place of a first loss that says nothing, the level
        that the loss came down to without anything learned.
    """
    found, classes = reference_level(history), history.hyperparameters.num_classes
    if found is None or found.kind == "chance":
        return found
    if classes is not None and classes >= 2:
        chance = math.log(classes)
        if found.level > _ABOVE_CHANCE * chance and end <= _AT_CHANCE * chance:
            return Reference(chance, "chance", f"chance level, ln {classes:g}")
    idle = loss_without_gain(history)
    if idle is None or found.level <= _ABOVE_CHANCE * idle:
        return found
    return Reference(idle, "chance", "the validation loss, at which R² shows nothing learned")


def progress_of_training(history: RunHistory, training: MeasuredCourse) -> float:
    """Return how far training came down: from chance level, where it began far above that."""
    reference, curve = reference_level(history), training.curve
    if reference is None or reference.kind != "chance" or training.series.axis is not Axis.STEP:
        return curve.gained
    is_above = curve.start > _ABOVE_CHANCE * reference.level > _ABOVE_CHANCE * curve.best
    return reference.level - curve.best if is_above else curve.gained


def progress_of_validation(validation: MeasuredCourse, of_training: float) -> float:
    """Return its progress: a validation loss is measured by the longer, as it begins late."""
    if validation.name != "loss":
        return validation.curve.gained
    return max(validation.curve.gained, of_training)


def gap_to_validation(history: RunHistory, curve: Curve, threshold: float) -> Evidence | None:
    """Measure how far validation ended above training, as a share of what training came down.

    Args:
        history: The run.
        curve: The course of its training loss.
        threshold: What the evidence is held against.
    """
    validation = history.get(Role.VALIDATION_LOSS)
    other = course(validation) if validation is not None else None
    if validation is None or other is None or curve.gained <= 0.0:
        return None
    return Evidence(
        validation.key,
        "gap between validation and training loss, as a share of the range",
        (other.end - curve.end) / curve.gained,
        threshold,
        (float(validation.steps[-1]), float(validation.steps[-1])),
    )


def final_rate(history: RunHistory, threshold: float) -> Evidence | None:
    """Measure the last learning rate as a share of the highest.

    Args:
        history: The run.
        threshold: What the evidence is held against.
    """
    series = history.get(Role.LEARNING_RATE)
    rates = series.finite() if series is not None else None
    if series is None or rates is None or len(rates) < 2 or float(rates.values.max()) <= 0.0:
        return None
    share = float(np.median(rates.values[-3:]) / rates.values.max())
    words = "last learning rate over the highest"
    return Evidence(series.key, words, share, threshold, series.span)


def evenness(history: RunHistory, reference: Reference, threshold: float) -> Evidence | None:
    """Hold the validation loss against the highest that its accuracy allows.

    Args:
        history: The run.
        reference: The loss of a uniform guess, in the unit of the run's loss.
        threshold: What the evidence is held against.

    Returns:
        `None` where classes or accuracy are not known, or were recorded fewer than five times.
    """
    known, both = history.hyperparameters, loss_and_accuracy(history)
    classes = known.num_classes or known.output_units
    if both is None or not classes or len(both[0]) < _LAST:
        return None
    loss, right = both[0], float(np.median(both[1].values[-_LAST:]))
    if not 0.0 < right < 1.0:
        return None
    level = float(np.median(loss.values[-_LAST:])) / reference.level * math.log(classes)
    return Evidence(
        loss.key,
        "validation loss over that of errors spread evenly over the classes",
        level / loss_of_even_errors(right, classes),
        threshold,
        (float(loss.steps[-_LAST]), float(loss.steps[-1])),
    )


@dataclass(frozen=True, slots=True)
class LateValidations:
    """The later validations of rows of one an epoch, and training beside them.

    Attributes:
        losses: The validation losses of all rows.
        rows: What the later of them have in common.
        reference: The loss of a model that knows nothing.
        training: Median of the training loss in the later rows.
        peak: Highest training loss over that median.
    """

    losses: Series
    rows: LateRows
    reference: Reference
    training: float
    peak: float


def late_validations(history: RunHistory) -> LateValidations | None:
    """Sum up the later validations of a run of rows, by their losses and accuracy or `R²`.

    Returns:
        `None` where the loss of knowing nothing is not known, or a row lacks a positive loss.
    """
    both, idle = loss_and_accuracy(history), loss_without_gain(history)
    training, validation = history.get(Role.TRAIN_LOSS), history.get(Role.VALIDATION_LOSS)
    reference = reference_level(history)
    if idle is not None:
        reference = Reference(idle, "chance", "the validation loss, at which R² shows nothing")
    if training is None or validation is None or reference is None or reference.kind != "chance":
        return None
    losses = validation if both is None else both[0]
    # shares of the spread that is left, to the hundredth: R² wanders about 0 by rounding alone
    scores = np.round(losses.values / reference.level, 2) if both is None else both[1].values
    series = (training, losses)
    if len(losses) != len(training) or any(len(one.finite()) != len(one) for one in series):
        return None
    if min(float(one.values.min(initial=math.inf)) for one in series) <= 0.0:
        return None
    rate = history.get(Role.LEARNING_RATE)
    rates = rate.values if rate is not None else np.empty(0)
    rows = late_rows(losses.values, scores, rates, history.hyperparameters.learning_rate or 0.0)
    if rows is None:
        return None
    middle = float(np.median(training.values[rows.first : rows.last + 1]))
    return LateValidations(losses, rows, reference, middle, float(training.values.max()) / middle)


def _is_too_early(history: RunHistory) -> bool:
    """Whether a run is still going on, and not known to be beyond its half.

    What a run has not learned by then says nothing of what it will.
    """
    if not history.is_running:
        return False
    return history.planned_steps is None or history.last_step < 0.5 * history.planned_steps
