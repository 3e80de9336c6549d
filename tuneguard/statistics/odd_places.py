"""Where to look closer at a series of which only some points are known."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_NEIGHBOURS = 25
_MIN_LEAP = 6.0
_MAX_EDGES = 8


def odd_gaps(values: FloatArray, limit: int) -> list[int]:
    """Return the gaps between points in which something may have happened, the oddest first.

    In this order: where values begin or cease to be finite, the start and the end, both sides of
    the lowest value, and the largest leaps against the leaps nearby.

    Args:
        values: Shape `(n,)`, in the order of their steps.
        limit: How many gaps at most.

    Returns:
        Indices; gap `i` lies between the points `i` and `i + 1`.

    >>> odd_gaps(np.array([3.0, 2.0, 1.0, np.nan, np.nan]), 1)
    [2]
    """
    last = len(values) - 2
    if last < 0:
        return []
    is_finite = np.isfinite(values)
    edges = np.flatnonzero(is_finite[1:] != is_finite[:-1])
    lowest = int(np.argmin(np.where(is_finite, values, np.inf)))
    ranked = [*edges[:_MAX_EDGES], 0, last, lowest - 1, lowest, *_leaps(values)]
    inside = [int(gap) for gap in ranked if 0 <= gap <= last]
    return list(dict.fromkeys(inside))[:limit]


def _leaps(values: FloatArray) -> NDArray[np.intp]:
    """Return the gaps with a leap far above the median of those around it, the largest first."""
    leaps = np.abs(np.diff(np.where(np.isfinite(values), values, np.nan)))
    leaps = np.where(np.isfinite(leaps), leaps, 0.0)
    padded = np.pad(leaps, _NEIGHBOURS, mode="reflect" if len(leaps) > _NEIGHBOURS else "edge")
    usual = np.median(sliding_window_view(padded, 2 * _NEIGHBOURS + 1), axis=1)
    ratio = np.divide(leaps, usual, out=np.where(leaps > 0.0, np.inf, 0.0), where=usual > 0.0)
    order: NDArray[np.intp] = np.argsort(-ratio, kind="stable")
    found: NDArray[np.intp] = order[ratio[order] > _MIN_LEAP]
    return found
