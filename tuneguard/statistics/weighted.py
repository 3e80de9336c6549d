"""Location of values that stand for different amounts of time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def weighted_percentile(values: FloatArray, weights: FloatArray, percent: float) -> float:
    """Return the value below which `percent` of the weight lies.

    Each value sits in the middle of its own weight, and what lies between two of them is
    interpolated. With equal weights it is NumPy's percentile (type 7 of Hyndman & Fan 1996).

    Args:
        values: Shape `(n,)`, finite, at least one.
        weights: Shape `(n,)`, positive.
        percent: From 0 to 100.

    >>> weighted_percentile(np.array([3.0, 1.0, 2.0, 4.0]), np.ones(4), 50.0)
    2.5
    >>> weighted_percentile(np.array([1.0, 2.0]), np.array([1.0, 3.0]), 50.0)
    1.75
    """
    if weights.min() == weights.max():
        return float(np.percentile(values, percent))
    order, share = np.argsort(values), percent / 100.0
    sorted_weights = weights[order]
    middles = np.cumsum(sorted_weights) - 0.5 * sorted_weights
    target = share * np.sum(weights) + (0.5 - share) * np.mean(weights)
    return float(np.interp(target, middles, values[order]))


def weighted_median(values: FloatArray, weights: FloatArray) -> float:
    """Return the value that halves the weight: the `weighted_percentile` of 50.

    >>> weighted_median(np.array([1.0, 2.0, 9.0]), np.ones(3))
    2.0
    """
    return weighted_percentile(values, weights, 50.0)
