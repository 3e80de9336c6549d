"""From two groups of curves to an answer about one measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tuneguard.comparison.clocks import Track
from tuneguard.comparison.measures import Measure
from tuneguard.comparison.result import Answer, Criteria, Effect, SeedNoise
from tuneguard.comparison.windows import Window, Windows, on_common_points
from tuneguard.history import Series
from tuneguard.statistics.curve import course
from tuneguard.statistics.mean_difference import (
    MIN_POINTS,
    Estimate,
    difference_of_groups,
    difference_of_pairs,
    mean_of_successive,
)

FloatArray = NDArray[np.float64]

_MOVED = 4.0  # standard deviations of a level


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked about one measure.

    Attributes:
        measure: The series of both sides.
        before: The same, along the common axis.
        after: The same, along the common axis.
        windows: Which part of each is compared.
        partners: Indices of runs with the same seed, where runs are compared in pairs.
        criteria: What counts as a difference.
        confidence: Of this measure's interval alone.
        seed_noise: Standard deviation between seeds in the measure's unit, where it was given.
    """

    measure: Measure
    before: tuple[Track, ...]
    after: tuple[Track, ...]
    windows: Windows
    partners: list[tuple[int, int]] | None
    criteria: Criteria
    confidence: float
    seed_noise: float | None = None

    @property
    def is_one_pair(self) -> bool:
        """Whether there is one run on each side, which cannot show the seed noise."""
        return len(self.before) == len(self.after) == 1


@dataclass(frozen=True, slots=True)
class _Measured:
    """An estimate of the difference, and what it rests on."""

    estimate: Estimate | None
    points: int
    noise: float
    noise_is: SeedNoise
    is_identical: bool = False


def effect_of(question: Question) -> Effect:
    """Say what the change did to one measure."""
    before = _levels(question.before, question.windows.before)
    after = _levels(question.after, question.windows.after)
    gained, has_moved = _range(question.measure)
    measured = _measured(question, before, after, gained)
    answer, reason = (
        _answer_on_broken_runs(question)
        or _answer_without_estimate(measured, question, has_moved=has_moved)
        or _answer(measured, question, gained)
    )
    estimate = measured.estimate
    return Effect(
        measure=question.measure.name,
        key=question.measure.before[0].key,
        higher_is_better=question.measure.higher_is_better,
        answer=answer,
        reason=reason,
        before=_mean(before),
        after=_mean(after),
        difference=_mean(after) - _mean(before) if estimate is None else estimate.mean,
        interval=None if estimate is None else estimate.interval(question.confidence),
        confidence=question.confidence,
        gained=gained,
        noise=measured.noise,
        noise_is=measured.noise_is,
        points=measured.points,
        window=_span(question.before[0], question.windows.before[0]),
        decides=question.measure.decides,
    )


def _span(track: Track, window: Window) -> tuple[float, float]:
    inside = window.of(track).at
    return (float(inside[0]), float(inside[-1])) if len(inside) else (window.first, window.last)


def _levels(tracks: Sequence[Track], windows: Sequence[Window]) -> FloatArray:
    """Return the mean of each track in its window; NaN where nothing finite is there."""
    parts = [window.of(track).values for track, window in zip(tracks, windows, strict=True)]
    return np.array([_mean(part[np.isfinite(part)]) for part in parts])


def _mean(values: FloatArray) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


def _range(measure: Measure) -> tuple[float, bool]:
    """Return how far training moved the measure, and whether that is more than its noise."""
    sign = -1.0 if measure.higher_is_better else 1.0
    found = [course(_signed(one, sign)) for one in (*measure.before, *measure.after)]
    curves = [one for one in found if one is not None]
    if not curves:
        return 0.0, True
    moved = [max(one.gained, one.lost) for one in curves]
    noises = [one.gain_noise for one in curves]
    return max(moved), any(m > _MOVED * n for m, n in zip(moved, noises, strict=True))


def _signed(series: Series, sign: float) -> Series:
    return series if sign > 0 else Series.from_arrays(series.key, series.steps, -series.values)


def _measured(
    question: Question, before: FloatArray, after: FloatArray, gained: float
) -> _Measured:
    if question.is_one_pair:
        return _of_one_pair(question, gained)
    known_before, known_after = before[np.isfinite(before)], after[np.isfinite(after)]
    if min(len(known_before), len(known_after)) == 0:
        return _Measured(None, 0, 0.0, "measured")
    pairs = question.partners
    if pairs is not None and len(known_before) == len(before) and len(known_after) == len(after):
        differences = np.array([after[j] - before[i] for i, j in pairs])
        noise = float(np.std(differences, ddof=1) / np.sqrt(2.0))
        return _Measured(difference_of_pairs(differences), len(pairs), noise, "measured")
    if max(len(known_before), len(known_after)) == 1:
        return _Measured(None, 2, 0.0, "measured")
    estimate = difference_of_groups(known_before, known_after)
    deviations = [np.std(one, ddof=1) for one in (known_before, known_after) if len(one) > 1]
    noise = float(np.sqrt(np.mean(np.square(deviations))))
    return _Measured(estimate, len(known_before) + len(known_after), noise, "measured")


def _of_one_pair(question: Question, gained: float) -> _Measured:
    """Estimate from the points of two curves; what seeds would do is given or assumed."""
    windows = (question.windows.before[0], question.windows.after[0])
    before, after = on_common_points(question.before[0], question.after[0], windows)
    given = question.seed_noise
    noise = question.criteria.assumed_seed_noise * gained if given is None else given
    noise_is: SeedNoise = "assumed" if given is None else "given"
    differences = after - before
    if len(differences) < MIN_POINTS:
        return _Measured(None, len(differences), noise, noise_is)
    estimate = mean_of_successive(differences).with_more_noise(noise * np.sqrt(2.0))
    is_identical = not differences.any()
    return _Measured(estimate, len(differences), noise, noise_is, is_identical)


def _answer_on_broken_runs(question: Question) -> tuple[Answer, str] | None:
    """Answer without statistics where runs of one side end without a finite value."""
    before = _count_broken(question.before, question.windows.before)
    after = _count_broken(question.after, question.windows.after)
    if before == after == 0:
        return None
    runs_before, runs_after = len(question.before), len(question.after)
    reason = (
        f"it is not finite at the end of {before} of {runs_before} before, "
        f"and of {after} of {runs_after} after"
    )
    if before == 0 and after == runs_after:
        return "worse", reason
    if after == 0 and before == runs_before:
        return "better", reason
    return "cannot tell", reason


def _count_broken(tracks: Sequence[Track], windows: Sequence[Window]) -> int:
    parts = [window.of(track).values for track, window in zip(tracks, windows, strict=True)]
    return sum(len(part) > 0 and not np.isfinite(part[-1]) for part in parts)


def _answer_without_estimate(
    measured: _Measured, question: Question, *, has_moved: bool
) -> tuple[Answer, str] | None:
    if measured.is_identical:
        return "no difference", "the curves are the same number for number"
    if measured.estimate is None:
        what = "points where both can be compared" if question.is_one_pair else "runs"
        needed = MIN_POINTS if question.is_one_pair else 3
        return "cannot tell", f"there are {measured.points} {what}, {needed} are needed"
    if not has_moved:
        return "no difference", "no run came away from where it started by more than its noise"
    return None


def _answer(measured: _Measured, question: Question, gained: float) -> tuple[Answer, str]:
    """Answer from the interval of the difference: never from its significance alone."""
    assert measured.estimate is not None  # noqa: S101 - for the type checker
    criteria, estimate = question.criteria, measured.estimate
    low, high = estimate.interval(question.confidence)
    size = abs(estimate.mean) / gained if gained > 0.0 else 1.0
    is_clear = low > 0.0 or high < 0.0
    if is_clear and size >= criteria.smallest_effect:
        is_better = (estimate.mean > 0.0) == question.measure.higher_is_better
        reason = f"a change by {size:.0%} of what training gained, beyond the noise"
        return ("better" if is_better else "worse"), reason
    # both one-sided tests reject where the interval of twice the error lies inside
    # (Schuirmann 1987)
    low, high = estimate.interval(2.0 * question.confidence - 1.0)
    if -criteria.equal_within * gained < low and high < criteria.equal_within * gained:
        limit = f"{criteria.equal_within:.0%} of what training gained"
        return "no difference", f"the difference is surely smaller than {limit}"
    if is_clear:
        return "no difference", f"a change by {size:.1%} of what training gained"
    return "cannot tell", "noise alone may have made the difference"
