"""Monotone trend: its size and its significance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

FloatArray = NDArray[np.float64]


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
    slope = float(stats.theilslopes(values, x).slope)
    tau = stats.kendalltau(x, values)
    size = float(stats.norm.isf(max(float(tau.pvalue) / 2.0, 1e-300)))
    return Trend(slope * float(np.ptp(x)), float(np.copysign(size, tau.statistic)))
