"""Monotone trend: its size and its significance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import factorial, ndtri

FloatArray = NDArray[np.float64]

_FEW = 33
_SMALLEST = 1e-300


@dataclass(frozen=True, slots=True)
class Trend:
    """A monotone trend.

    Attributes:
        change: Theil-Sen slope times the span of `x`, in the unit of the values.
        z: Mann-Kendall statistic; positive where the values rise.
    """

    change: float
    z: float


def trend(x: FloatArray, values: FloatArray) -> Trend:
    """Measure a monotone trend by Theil-Sen's slope and Mann and Kendall's test.

    The test assumes independent points: feed it medians of blocks, and never act on `z` alone.
    References: Theil (1950), Sen (1968), Mann (1945), Kendall (1975).

    Args:
        x: Shape `(n,)`, increasing.
        values: Shape `(n,)`, finite.

    Returns:
        No trend for fewer than three points or constant values.

    >>> trend(np.arange(5.0), np.array([5.0, 4.0, 3.0, 2.0, 1.0])).change
    -4.0
    """
    if len(values) < 3 or np.ptp(values) == 0.0 or np.ptp(x) == 0.0:
        return Trend(0.0, 0.0)
    earlier, later = np.triu_indices(len(values), 1)
    rises = values[later] - values[earlier]
    slope = float(np.median(rises / (x[later] - x[earlier])))
    score = int(np.sign(rises).sum())
    return Trend(slope * float(np.ptp(x)), float(np.copysign(_size(score, values), score)))


def _size(score: int, values: FloatArray) -> float:
    """Return how many standard deviations a score of Mann and Kendall is worth.

    Of few values without ties the probability is exact, else that of a normal distribution with
    the variance that ties leave (Kendall 1975, chapter 4).
    """
    count = len(values)
    pairs = count * (count - 1) // 2
    exchanged = (pairs - abs(score)) // 2
    ties = np.unique(values, return_counts=True)[1].astype(np.float64)
    has_ties = bool((ties > 1.0).any())
    if not has_ties and (count <= _FEW or exchanged <= 1):
        tail = _share_of_orders(count, exchanged) if 2 * exchanged < pairs else 0.5
        return float(-ndtri(max(tail, _SMALLEST)))
    lost = float((ties * (ties - 1.0) * (2.0 * ties + 5.0)).sum())
    variance = (count * (count - 1.0) * (2.0 * count + 5.0) - lost) / 18.0
    return float(min(abs(score) / np.sqrt(variance), -ndtri(_SMALLEST)))


def _share_of_orders(count: int, exchanged: int) -> float:
    """Return how many of all orders of `count` values have at most so many pairs exchanged.

    An order of one more value has as many pairs exchanged as one without it, and as many as there
    are values behind the new one.
    """
    orders = np.zeros(exchanged + 1)
    orders[0] = 1.0
    for values in range(2, count + 1):
        sums = np.cumsum(orders)
        sums[values:] -= sums[: max(exchanged + 1 - values, 0)].copy()
        orders = sums
    return float(orders.sum() / factorial(count))
