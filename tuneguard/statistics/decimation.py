"""A long series reduced to what a picture can show."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def decimate(steps: FloatArray, values: FloatArray, most: int) -> tuple[FloatArray, FloatArray]:
    """Keep the lowest and highest value of each stretch, and what is not finite.

    An even thinning would lose single spikes; a mean would hide them.

    Args:
        steps: Shape `(n,)`, increasing.
        values: Shape `(n,)`; NaN and infinity allowed.
        most: About how many points may be kept, at least 4.

    Returns:
        Steps and values of the kept points, in order.

    >>> steps = np.arange(100.0)
    >>> values = np.where(steps == 57, 9.0, 0.0)
    >>> kept = decimate(steps, values, 10)
    >>> len(kept[0]) <= 10, float(kept[1].max())
    (True, 9.0)
    """
    count = len(values)
    if count <= most:
        return steps, values
    edges = np.linspace(0, count, max(2, most // 2) + 1).astype(int)
    kept: set[int] = set()
    for start, stop in pairwise(edges):
        part = values[start:stop]
        finite = np.flatnonzero(np.isfinite(part))
        if len(finite) < len(part):
            kept.add(int(start + np.flatnonzero(~np.isfinite(part))[0]))
        if len(finite):
            kept.add(int(start + finite[np.argmin(part[finite])]))
            kept.add(int(start + finite[np.argmax(part[finite])]))
    order = np.array(sorted(kept))
    return steps[order], values[order]
