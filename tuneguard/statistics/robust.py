"""Location and scale that a few wild points do not move."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import median_abs_deviation

FloatArray = NDArray[np.float64]

_NORMAL_PER_MAD = 1.4826


def noise_scale(values: FloatArray) -> float:
    """Estimate the standard deviation of the noise around a slow trend.

    The scaled median absolute deviation of first differences over the square root of two: the
    trend cancels in the differences (von Neumann 1941; scale after Rousseeuw & Croux 1993). Where
    that is 0 because most neighbours are equal, as in a rounded series, it is the standard
    deviation of the differences over the square root of two.

    Args:
        values: Shape `(n,)`, finite.

    Returns:
        The scale in the unit of `values`; 0 for fewer than three points.

    >>> noise_scale(np.arange(10.0))
    0.0
    >>> round(noise_scale(np.random.default_rng(0).normal(size=4000)), 2)
    1.0
    >>> round(noise_scale(np.array([0.69, 0.69, 0.69, 0.69, 0.7, 0.69, 0.69, 0.69])), 4)
    0.0038
    """
    scale = difference_scale(values)
    if len(values) < 3:
        return scale
    differences = np.diff(values)
    nothing = 1e-12 * float(np.abs(values).max())
    if scale <= nothing and abs(float(np.median(differences))) <= nothing:
        widest = float(np.abs(differences).max())
        scale = widest * float(np.std(differences / widest)) if widest > 0.0 else 0.0
        return float(scale / np.sqrt(2.0))
    return scale


def difference_scale(values: FloatArray) -> float:
    """The same without the resort to the standard deviation, which single leaps would inflate.

    Args:
        values: Shape `(n,)`, finite.

    Returns:
        The scale in the unit of `values`; 0 for fewer than three points, and where most
        neighbours are equal.

    >>> difference_scale(np.array([1.0, 1.0, 1.0, 1.0, 9.0, 1.0, 1.0, 1.0]))
    0.0
    """
    if len(values) < 3:
        return 0.0
    return float(_NORMAL_PER_MAD * median_abs_deviation(np.diff(values)) / np.sqrt(2.0))


def running_median(values: FloatArray, window: int) -> FloatArray:
    """Replace each value by the median of its neighbourhood, which shrinks at both ends.

    Args:
        values: Shape `(n,)`, finite.
        window: Odd number of points.

    Returns:
        Shape `(n,)`.

    >>> running_median(np.array([1.0, 9.0, 2.0, 3.0]), 3).tolist()
    [5.0, 2.0, 3.0, 2.5]
    """
    half, count = window // 2, len(values)
    medians = np.empty(count)
    inner = range(half, count - half) if count >= window else range(0)
    if len(inner):
        windows = np.lib.stride_tricks.sliding_window_view(values, window)
        medians[half : count - half] = np.median(windows, axis=1)
    for i in set(range(count)) - set(inner):
        medians[i] = np.median(values[max(0, i - half) : i + half + 1])
    return medians


def trailing_median(values: FloatArray, window: int, minimum: int) -> FloatArray:
    """For each point, the median of the `window` points before it; NaN before `minimum` points.

    Args:
        values: Shape `(n,)`, finite.
        window: Number of earlier points that count.
        minimum: How many there must be.

    Returns:
        Shape `(n,)`.

    >>> trailing_median(np.array([1.0, 2.0, 3.0, 4.0]), 2, 1).tolist()
    [nan, 1.0, 1.5, 2.5]
    """
    medians = np.full(len(values), np.nan)
    if len(values) == 0:
        return medians
    full = min(window, len(values))
    for i in range(minimum, full):
        medians[i] = np.median(values[:i])
    if len(values) > full:
        windows = np.lib.stride_tricks.sliding_window_view(values[:-1], full)
        medians[full:] = np.median(windows, axis=1)
    return medians
