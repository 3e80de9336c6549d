"""Leaps of a series far above its own recent course, isolated from its usual noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

BLOCK = 20
_BEFORE = 3
_AROUND = 15
_NEARLY_ALL = 90.0


@dataclass(frozen=True, slots=True)
class Leaps:
    """Where a series leapt.

    Attributes:
        first: Shape `(k,)`: index at which each leap begins.
        last: Shape `(k,)`: index of its last point far above the course before.
        highest: Shape `(k,)`: index of its highest point.
        height: Shape `(k,)`: how far above that course that lies.
        ratio: Shape `(k,)`: that, over how far the highest of `BLOCK` points usually lies above.
        next_ratio: The same for the highest of nine in ten blocks without a leap: where noise
            has no end to its tail, it is nearly as large as that of the leaps.
    """

    first: NDArray[np.intp]
    last: NDArray[np.intp]
    highest: NDArray[np.intp]
    height: FloatArray
    ratio: FloatArray
    next_ratio: float


def leaps(values: FloatArray, *, min_ratio: float, min_height: FloatArray) -> Leaps:
    """Find points that stand out of their surroundings as no usual point does.

    The course is the median of the three blocks of `BLOCK` points before a point's own. How far
    the highest point of a block usually lies above its course is the median over the blocks
    around: single leaps do not move it, and where noise has a heavy tail, as with batches of
    one sample, it grows with the tail. Points that stand out belong to one leap where fewer
    than `BLOCK` lie between them.

    Args:
        values: Shape `(n,)`, finite.
        min_ratio: How many times that distance a point must lie above the course.
        min_height: Shape `(n,)`: how far above the course it must lie in any case.

    Returns:
        No leaps for fewer than five blocks, and none in the first three.

    >>> series = np.ones(200) + 0.01 * np.random.default_rng(0).normal(size=200)
    >>> series[[120, 121]] += 1.0
    >>> found = leaps(series, min_ratio=6.0, min_height=np.full(200, 0.5))
    >>> found.first.tolist(), found.last.tolist(), np.round(found.height, 1).tolist()
    ([120], [121], [1.0])
    """
    nothing = np.empty(0, dtype=np.intp)
    blocks = len(values) // BLOCK
    if blocks < _BEFORE + 2:
        return Leaps(nothing, nothing, nothing, np.empty(0), np.empty(0), 0.0)
    table = values[: blocks * BLOCK].reshape(blocks, BLOCK)
    medians = np.median(table, axis=1)
    before = np.full(blocks, np.inf)
    before[_BEFORE:] = np.median(sliding_window_view(medians, _BEFORE)[:-1], axis=1)
    excess = table.max(axis=1) - np.minimum(medians, before)
    padded = np.pad(excess, _AROUND, mode="reflect" if blocks > _AROUND else "edge")
    usual = np.median(sliding_window_view(padded, 2 * _AROUND + 1), axis=1)
    of_point = np.minimum(np.arange(len(values)) // BLOCK, blocks - 1)
    height = values - before[of_point]
    is_high = (height >= min_ratio * usual[of_point]) & (height >= min_height) & (height > 0.0)
    at = np.flatnonzero(is_high)
    if not len(at):
        return Leaps(nothing, nothing, nothing, np.empty(0), np.empty(0), 0.0)
    groups = np.split(at, np.flatnonzero(np.diff(at) >= BLOCK) + 1)
    highest = np.array([group[int(np.argmax(height[group]))] for group in groups])
    heights = height[highest]
    first = np.array([group[0] for group in groups])
    floor = max(1e-12 * float(np.abs(values).max()), 1e-300)
    is_calm = ~np.isin(np.arange(blocks), of_point[at])
    ratios = excess / np.maximum(usual, floor)
    return Leaps(
        first,
        np.array([group[-1] for group in groups]),
        highest,
        heights,
        heights / np.maximum(usual[of_point[first]], floor),
        float(np.percentile(ratios[is_calm], _NEARLY_ALL)) if is_calm.any() else np.inf,
    )
