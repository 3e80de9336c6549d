"""Swings of a level: how large they are, and whether they lead anywhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Swings:
    """How a level moved around its course.

    Attributes:
        amplitude: Distance between its 10th and 90th percentile after a straight line is taken
            out, in the unit of the values.
        turns: Share of inner points that are a local maximum or minimum; 2/3 for independent
            noise, near 0 for a drift.
    """

    amplitude: float
    turns: float


def swings(values: FloatArray) -> Swings:
    """Measure how a level swings around a straight line.

    Args:
        values: Shape `(n,)`, finite, evenly spaced in time.

    Returns:
        No swings for fewer than four points.

    >>> swings(np.array([0.0, 1.0, 0.0, 1.0, 0.0, 1.0])).turns
    1.0
    >>> swings(np.arange(8.0)).amplitude < 1e-9
    True
    """
    if len(values) < 4:
        return Swings(0.0, 0.0)
    x = np.arange(len(values), dtype=np.float64)
    rest = values - np.polyval(np.polyfit(x, values, 1), x)
    low, high = np.percentile(rest, [10.0, 90.0])
    signs = np.sign(np.diff(values))
    turns = float(np.mean(signs[1:] * signs[:-1] < 0.0))
    return Swings(float(high - low), turns)
