"""Where a learning rate died, and what the loss was before and after."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tuneguard.history import Axis, Series
from tuneguard.statistics.curve import BLOCKS, Curve

FloatArray = NDArray[np.float64]

_AS_LONG = 0.5
_SOON = 0.1
_FEWEST_BEFORE = 3
_BLOCK = 1.0 / BLOCKS
_AFTER_ROWS = 2


def place_below(rate: Series, limit: float) -> float | None:
    """Return from which place of the run on the learning rate stays at or below `limit`.

    Returns:
        A position from 0 to 1; `None` where it ends above.

    >>> rate = Series.from_points("lr", [(0, 1.0), (1, 0.1), (2, 0.1)])
    >>> place_below(rate, 0.2), place_below(rate, 0.05)
    (0.5, None)
    """
    above = np.flatnonzero(rate.values > limit)
    last = int(above[-1]) if len(above) else -1
    return float(rate.positions[last + 1]) if last + 1 < len(rate) else None


def around(loss: Series, curve: Curve, low: float) -> tuple[float, float]:
    """Return the loss at half of the time before the learning rate fell, and where it fell.

    A rate that falls within the first blocks leaves no levels before: there, single points count.

    Args:
        loss: The training loss.
        curve: Its course.
        low: Place at which the learning rate fell.
    """
    finite = loss.finite()
    middle = np.abs(finite.positions - _AS_LONG * low) <= 0.25 * low
    if low <= _SOON and np.count_nonzero(middle) >= _FEWEST_BEFORE:
        soon = (finite.positions >= low) & (finite.positions <= low + _BLOCK)
        if soon.any():
            return float(np.median(finite.values[middle])), float(np.median(finite.values[soon]))
    places, levels = [0.0, *curve.positions], [curve.start, *curve.levels]
    before, at_low = np.interp([_AS_LONG * low, low], places, levels)
    return float(before), float(at_low)


def level_after(loss: Series, curve: Curve, place: float) -> float:
    """Return the level of the loss right after the learning rate died.

    A mean over the epoch in which it died is of the time before, too: of rows of one an epoch,
    the next ones count.

    Args:
        loss: The training loss.
        curve: Its course.
        place: Place at which the learning rate died.
    """
    finite = loss.finite()
    later = finite.values[finite.positions > place][:_AFTER_ROWS]
    if loss.axis is Axis.EPOCH and len(later):
        return float(np.median(later))
    return float(np.interp(place + _BLOCK, curve.positions, curve.levels))


def in_rates(rate: Series, positions: FloatArray) -> FloatArray | None:
    """Return places of a run in the time that its learning rates add up to, from 0 to 1.

    So long as steps are short, it is this time that descent depends on, whatever the schedule.

    Args:
        rate: The learning rates.
        positions: Places from 0 to 1, of any shape.

    Returns:
        `None` where the rates never were above 0.

    >>> rate = Series.from_points("lr", [(0, 1.0), (1, 1.0), (2, 0.0), (3, 0.0)])
    >>> in_rates(rate, np.array([0.0, 1 / 3, 1.0])).tolist()
    [0.5, 1.0, 1.0]
    """
    known = rate.finite()
    if len(known) == 0 or known.values.max() <= 0.0:
        return None
    passed = np.cumsum(np.maximum(known.values, 0.0))
    return np.asarray(np.interp(positions, known.positions, passed / passed[-1]))
