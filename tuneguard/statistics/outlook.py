"""What a longer run would gain, by the course of this one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tuneguard.history import Series
from tuneguard.statistics.extrapolation import Extrapolation, extrapolate
from tuneguard.statistics.rate_course import in_rates
from tuneguard.statistics.splits import MeasuredCourse

LONGER = (2.0, 3.0, 4.0, 6.0)
_MOST_OF_IT = 0.8  # of what eight times the length would gain
_FEWEST_BEFORE = 4


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is said of a longer run.

    Attributes:
        text: What was found, in a sentence.
        factor: How many times as long it should be.
        gain: What that brings.
        is_much: Whether that is worth more than advice.
    """

    text: str
    factor: float
    gain: float
    is_much: bool


def extrapolated(measured: MeasuredCourse, factor: float) -> Extrapolation | None:
    """Extrapolate a course to a run `factor` times as long."""
    steps, values = measured.falling()
    return extrapolate(steps, values, float(steps[0] + factor * (steps[-1] - steps[0])))


def worthwhile(measured: MeasuredCourse) -> tuple[float, float]:
    """Return how many times as long to train, and what the best fit gains by it."""
    most = extrapolated(measured, 2.0 * LONGER[2])
    for factor in LONGER:
        ahead = extrapolated(measured, factor)
        if ahead is not None and most is not None and ahead.gain >= _MOST_OF_IT * most.gain:
            return factor, ahead.gain
    return LONGER[-1], most.gain if most is not None else 0.0


def late_fall_in_rates(measured: MeasuredCourse, rate: Series) -> float | None:
    """Return how far a course fell in the second half of what its learning rates add up to.

    That is half of the whole fall where each step brought as much for its length as those before.

    Returns:
        `None` where fewer than four points lie in the first half of that time.
    """
    places = in_rates(rate, measured.series.finite().positions)
    if places is None or int((places <= 0.5).sum()) < _FEWEST_BEFORE:
        return None
    _, values = measured.falling()
    return float(np.interp(0.5, places, values)) - measured.curve.end


def is_best_each_time(measured: MeasuredCourse) -> bool:
    """Whether every point was the best so far: noise hardly lets that happen."""
    _, values = measured.falling()
    return bool((np.diff(values) < 0.0).all())


def fall_between_halves(measured: MeasuredCourse) -> float:
    """Return how far the mean of the first half lies above that of the second."""
    _, values = measured.falling()
    half = len(values) // 2
    return float(values[:half].mean() - values[-half:].mean())
