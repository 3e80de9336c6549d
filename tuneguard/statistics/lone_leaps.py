"""Single points far above their neighbours on both sides, as odd batches leave them in a loss."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tuneguard.statistics.leaps import Leaps
from tuneguard.statistics.robust import running_median

FloatArray = NDArray[np.float64]

WINDOW = 17
_NORMAL_PER_MAD = 1.4826
_NEARLY_ALL = 99.9


def lone_leaps(
    values: FloatArray, *, min_ratio: float, min_z: float, min_height: FloatArray
) -> tuple[Leaps, float]:
    """Find points that stand above both of their neighbours by a factor.

    The course is the median of `WINDOW` points around. A point leaps where it lies above that by
    a factor, and by so many robust standard deviations both of the logarithm and of the value,
    so that neither noise near zero nor noise at a high level will do. It is alone where both
    neighbours lie less than half as far above, on the logarithmic scale: the weights of the next
    step are as good as they were. Leaps that recur often, which are the tail of their blocks,
    are found as well.

    Args:
        values: Shape `(n,)`, positive and finite.
        min_ratio: The factor.
        min_z: How many standard deviations, scaled from the median absolute deviation.
        min_height: Shape `(n,)`: how far above the course a point must lie in any case.

    Returns:
        The leaps that are alone; ratios are distances of logarithms in standard deviations. And
        the share of all points that leap which are alone, 0 where none does.

    >>> series = np.exp(0.05 * np.random.default_rng(0).normal(size=200))
    >>> series[20::25] *= 4.0
    >>> found, share = lone_leaps(series, min_ratio=2.0, min_z=6.0, min_height=np.ones(200))
    >>> found.first.tolist(), share
    ([20, 45, 70, 95, 120, 145, 170, 195], 1.0)
    """
    logs = np.log(values)
    course = running_median(logs, WINDOW)
    above, height = logs - course, values - np.exp(course)
    scale, spread = _scale(above), _scale(height)
    is_loud = (above >= np.log(min_ratio)) & (above >= min_z * scale)
    is_high = is_loud & (height >= min_z * spread) & (height >= min_height)
    padded = np.pad(above, 1, constant_values=-np.inf)
    is_alone = is_high & (np.maximum(padded[:-2], padded[2:]) < 0.5 * above)
    at = np.flatnonzero(is_alone)
    floor = max(scale, 1e-12)
    others = above[~is_loud]
    next_ratio = float(np.percentile(others, _NEARLY_ALL)) / floor if len(others) else np.inf
    found = Leaps(at, at, at, height[at], above[at] / floor, next_ratio)
    return found, len(at) / max(int(is_high.sum()), 1)


def _scale(values: FloatArray) -> float:
    return float(_NORMAL_PER_MAD * np.median(np.abs(values - np.median(values))))
