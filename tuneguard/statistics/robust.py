"""Location and scale that a few wild points do not move."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import rank_filter

FloatArray = NDArray[np.float64]

_NORMAL_PER_MAD = 1.4826
_COMMON = 8  # where one point in so many has a window of one length, all of that length are made


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


def difference_scale(values: FloatArray, steps: FloatArray | None = None) -> float:
    """The same without the resort to the standard deviation, which single leaps would inflate.

    Args:
        values: Shape `(n,)`, finite.
        steps: Shape `(n,)`, increasing: only differences over the usual distance count. Those
            over longer ones would hold more of the noise where it remembers its past.

    Returns:
        The scale in the unit of `values`; 0 for fewer than three points, and where most
        neighbours are equal.

    >>> difference_scale(np.array([1.0, 1.0, 1.0, 1.0, 9.0, 1.0, 1.0, 1.0]))
    0.0
    """
    if len(values) < 3:
        return 0.0
    differences = np.diff(values)
    if steps is not None:
        differences = differences[np.diff(steps) <= usual_gap(steps)]
    away = np.abs(differences - np.median(differences))
    return float(_NORMAL_PER_MAD * np.median(away) / np.sqrt(2.0))


def scatter_about_lines(values: FloatArray) -> float:
    """Estimate the noise of few points by how far each lies off the line through its neighbours.

    The root mean square of second differences over the square root of six, which independent
    noise of variance 1 brings to 1 (Gasser, Sroka & Jennen-Steinmetz 1986). It uses every point,
    where a median of few would be a matter of chance, and so is not robust.

    Args:
        values: Shape `(n,)`, finite.

    Returns:
        The standard deviation in the unit of `values`; 0 for fewer than three points.

    >>> scatter_about_lines(np.array([4.0, 3.0, 2.0, 1.0]))
    0.0
    """
    if len(values) < 3:
        return 0.0
    return float(np.sqrt(np.mean(np.diff(values, 2) ** 2) / 6.0))


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
    ends: Iterable[int] = range(count)
    if count >= window:
        medians[half : count - half] = _window_medians(values, window)
        ends = (*range(half), *range(count - half, count))
    for i in ends:
        medians[i] = np.median(values[max(0, i - half) : i + half + 1])
    return medians


def trailing_median(
    values: FloatArray, window: int, minimum: int, steps: FloatArray | None = None
) -> FloatArray:
    """For each point, the median of those in a window before it; NaN before `minimum` points.

    Where points lie further apart than usual, the window holds the last `minimum` of them: it
    reaches no further back than it must, lest a drift be taken for a leap.

    Args:
        values: Shape `(n,)`, finite.
        window: Its length, in usual distances between neighbouring points.
        minimum: How many points there must be in it.
        steps: Shape `(n,)`, increasing; evenly spaced where not given.

    Returns:
        Shape `(n,)`.

    >>> trailing_median(np.array([1.0, 2.0, 3.0, 4.0]), 2, 1).tolist()
    [nan, 1.0, 1.5, 2.5]
    >>> sparse = np.array([0.0, 1.0, 2.0, 3.0, 40.0, 80.0])
    >>> trailing_median(np.arange(6.0), 3, 2, sparse).tolist()
    [nan, nan, 0.5, 1.0, 2.5, 3.5]
    """
    medians = np.full(len(values), np.nan)
    first = _window_starts(len(values), window, minimum, steps)
    lengths = np.arange(len(values)) - first
    lengths[:minimum] = 0
    for length in np.unique(lengths[minimum:]):
        at = np.flatnonzero(lengths == length)
        if _COMMON * len(at) >= len(values):
            medians[at] = _window_medians(values, int(length))[first[at]]
        else:
            windows = np.lib.stride_tricks.sliding_window_view(values, int(length))
            medians[at] = np.median(windows[first[at]], axis=1)
    return medians


def _window_medians(values: FloatArray, length: int) -> FloatArray:
    """Return the median of each `length` successive values, of shape `(n - length + 1,)`.

    A rank filter keeps its window in order from point to point, which is many times faster than
    to sort each window anew.
    """
    begin, stop = length // 2, length // 2 + len(values) - length + 1
    upper = rank_filter(values, length // 2, size=length)[begin:stop]
    if length % 2:
        return np.asarray(upper)
    lower = rank_filter(values, length // 2 - 1, size=length)[begin:stop]
    return np.asarray(0.5 * (lower + upper))


def usual_gap(steps: FloatArray) -> float:
    """Return the distance between most neighbouring points: their lower median, 1 for one point.

    Of steps sampled in pairs it is 1, however far the pairs lie apart.

    >>> usual_gap(np.array([0.0, 1.0, 50.0, 51.0]))
    1.0
    """
    if len(steps) < 2:
        return 1.0
    return float(np.percentile(np.diff(steps), 50.0, method="lower"))


def _window_starts(
    count: int, window: int, minimum: int, steps: FloatArray | None
) -> NDArray[np.intp]:
    """Return for each point the index of the first in the window before it."""
    here = np.arange(count)
    if steps is None:
        return np.maximum(here - window, 0)
    nearest = np.searchsorted(steps, steps - window * usual_gap(steps))
    return np.maximum(np.minimum(nearest, here - minimum), np.maximum(here - window, 0))
