"""How far a run ended from having learned: what faults inside of the network are held against."""

from __future__ import annotations

import math

import numpy as np

from tuneguard.chance import reference_level
from tuneguard.findings import Evidence
from tuneguard.history import Role, RunHistory
from tuneguard.statistics.curve import course

_ABOVE_CHANCE = 1.5
_AT_CHANCE = 1.2


def shortfall(history: RunHistory, threshold: float) -> Evidence | str:
    """Measure where the training loss ended, as a share of that of a model that knows nothing.

    Where the number of classes is declared and the loss began far above chance level but came
    down to it or below, it is held against chance level: a run that falls from 500 to ln C has
    learned nothing.

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
    reference = reference_level(history)
    if loss is None or curve is None or reference is None:
        return "the loss has no positive level to be held against"
    if not np.isfinite(loss.values[-5:]).any():
        return "the loss did not stay finite"
    level, words = reference.level, reference.words
    classes = history.hyperparameters.num_classes
    if reference.kind == "start" and classes is not None and classes >= 2:
        chance = math.log(classes)
        if reference.level > _ABOVE_CHANCE * chance and curve.end <= _AT_CHANCE * chance:
            level, words = chance, f"chance level, ln {classes:g}"
    return Evidence(
        loss.key,
        f"level at the end over {words}",
        curve.end / level,
        threshold,
        (float(loss.steps[len(loss) // 2]), float(loss.steps[-1])),
    )


def _is_too_early(history: RunHistory) -> bool:
    """Whether a run is still going on, and not known to be beyond its half.

    What a run has not learned by then says nothing of what it will.
    """
    if not history.is_running:
        return False
    return history.planned_steps is None or history.last_step < 0.5 * history.planned_steps
