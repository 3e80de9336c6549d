"""A learning rate that leapt, whatever it led to."""

from __future__ import annotations

import numpy as np

from tuneguard.findings import Prescription
from tuneguard.history import Axis, Role, RunHistory
from tuneguard.prescriptions.schedules import keep_below, settle_from
from tuneguard.prescriptions.wording import rounded

Order = tuple[Prescription, ...]

_LEAP = 2.0
_HELD, _FEWEST_HELD = 0.05, 3
_NEARLY = 0.99


def below_the_leap(history: RunHistory) -> Order:
    """Return what undoes a leap of the learning rate, if there was one."""
    found = leap_of(history)
    return () if found is None else bounded(history, *found)


def bounded(history: RunHistory, highest: float, leapt_to: float) -> Order:
    """Return ways to stay at the `highest` rate that the run stood before one leapt above it."""
    rate, steps = rounded(highest), _length(history)
    return (
        keep_below(rate, leapt_to),
        settle_from(rate, steps),
        settle_from(rate, steps, "constant"),
    )


def leap_of(history: RunHistory) -> tuple[float, float] | None:
    """Return the highest learning rate before it leapt and the one that it leapt to, if it did.

    A rate leaps that is more than twice as high as ever before, where it had stopped rising: a
    warm-up rises from step to step.
    """
    series = history.get(Role.LEARNING_RATE)
    values = series.finite().values if series is not None else np.empty(0)
    held = max(_FEWEST_HELD, int(_HELD * len(values)))
    if len(values) <= held:
        return None
    peaks = np.maximum.accumulate(values)
    for at in np.flatnonzero(values[1:] > _LEAP * peaks[:-1]) + 1:
        before = float(peaks[at - 1])
        reached = int(np.argmax(values[:at] >= _NEARLY * before))
        if before > 0.0 and at - reached >= held:
            return before, float(values[at:].max())
    return None


def _length(history: RunHistory) -> int:
    planned = history.hyperparameters.planned_steps
    on_steps = [one for one in history.series.values() if one.axis is Axis.STEP and len(one)]
    last = max((float(one.steps[-1]) for one in on_steps), default=0.0)
    return int(planned) if planned else int(last) + 1
