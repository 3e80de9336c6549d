"""Ratios of totals, and how sure they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

RESAMPLES = 4000


class Ratio(NamedTuple):
    """A ratio and its interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


class Spent(NamedTuple):
    """Steps taken in a round, and the seconds that they took."""

    steps: int
    seconds: float


def ratio_of_totals(
    treated: Sequence[Spent], bare: Sequence[Spent], *, confidence: float = 0.95
) -> Ratio:
    """Return seconds a step of one loop over those of another, both in total.

    The interval is the percentile bootstrap over rounds (Efron and Tibshirani, An Introduction
    to the Bootstrap, 1993, chapter 13): a round of the one loop stays with the round of the other
    that was measured beside it, since what slows a machine slows both.

    Args:
        treated: One entry a round.
        bare: The same rounds.
        confidence: Share of resamples inside of the interval.

    Raises:
        ValueError: The rounds differ in number, or there are none.

    >>> str(ratio_of_totals([Spent(10, 2.2), Spent(10, 4.4)], [Spent(10, 2.0), Spent(10, 4.0)]))
    '1.100 (1.100 to 1.100)'
    """
    if not treated or len(treated) != len(bare):
        raise ValueError(f"rounds must match: {len(treated)} treated, {len(bare)} bare.")
    above, below = np.array(treated, dtype=float), np.array(bare, dtype=float)
    rounds = len(treated)
    picks = np.random.default_rng(0).integers(rounds, size=(RESAMPLES, rounds))
    ratios = _ratio(above[picks].sum(axis=1), below[picks].sum(axis=1))
    tail = 50.0 * (1.0 - confidence)
    low, high = np.percentile(ratios, [tail, 100.0 - tail])
    value = _ratio(above.sum(axis=0)[None], below.sum(axis=0)[None])[0]
    return Ratio(float(value), float(low), float(high))


def together(*loops: Sequence[Spent]) -> list[Spent]:
    """Add up, round by round, what alike loops spent.

    >>> together([Spent(1, 2.0)], [Spent(3, 4.0)])
    [Spent(steps=4, seconds=6.0)]
    """
    return [
        Spent(sum(one.steps for one in found), sum(one.seconds for one in found))
        for found in zip(*loops, strict=True)
    ]


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Seconds a step over seconds a step; columns are steps and seconds."""
    return np.asarray((above[:, 1] / above[:, 0]) / (below[:, 1] / below[:, 0]))
