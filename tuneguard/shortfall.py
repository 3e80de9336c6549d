"""How far a run ended from having learned: what faults inside of the network are held against."""

from __future__ import annotations

import math

import numpy as np

from tuneguard.chance import Reference, loss_without_gain, reference_level
from tuneguard.findings import Evidence
from tuneguard.history import Role, RunHistory
from tuneguard.statistics.curve import course

_ABOVE_CHANCE = 1.5
_AT_CHANCE = 1.2


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


def _is_too_early(history: RunHistory) -> bool:
    """Whether a run is still going on, and not known to be beyond its half.

    What a run has not learned by then says nothing of what it will.
    """
    if not history.is_running:
        return False
    return history.planned_steps is None or history.last_step < 0.5 * history.planned_steps
