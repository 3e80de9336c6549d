"""A curve as one line of characters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_NOT_FINITE: Final = "x"


def sparkline(
    values: Sequence[float], width: int, limits: tuple[float, float] | None = None
) -> str:
    """Draw values as blocks of eight heights; what is not finite is an `x`.

    Args:
        values: In order; more than `width` of them are summed up by the mean of each stretch.
        width: The most characters that may be drawn.
        limits: What the lowest and the highest block stand for; the range of the values where
            not given.

    >>> sparkline([0.0, 1.0, 2.0, math.nan, 7.0], 10)
    '▁▂▃x█'
    """
    shown = _summed_up(values, width)
    finite = [value for value in shown if math.isfinite(value)]
    low, high = limits or (min(finite, default=0.0), max(finite, default=0.0))
    return "".join(_block(value, low, high) for value in shown)


def shared_limits(curves: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Return limits that hold the usual values of all curves: a few wild ones are cut off.

    >>> shared_limits([[1.0, 2.0], [4.0]])
    (1.0, 4.0)
    """
    finite = sorted(value for curve in curves for value in curve if math.isfinite(value))
    if not finite:
        return (0.0, 0.0)
    cut = len(finite) // 50
    return finite[cut], finite[len(finite) - 1 - cut]


def _summed_up(values: Sequence[float], width: int) -> list[float]:
    count = len(values)
    if count <= width:
        return list(values)
    edges = [position * count // width for position in range(width + 1)]
    parts = [values[a:b] for a, b in pairwise(edges)]
    return [sum(part) / len(part) for part in parts]


def _block(value: float, low: float, high: float) -> str:
    if not math.isfinite(value):
        return _NOT_FINITE
    share = (value - low) / (high - low) if high > low else 0.0
    return _BLOCKS[round(min(max(share, 0.0), 1.0) * (len(_BLOCKS) - 1))]
