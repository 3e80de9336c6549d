"""How long a step may be, from how the loss bends along the steps that were made."""

from __future__ import annotations

import numpy as np

from tuneguard import keys
from tuneguard.history import Role, RunHistory, Series

_FEWEST = 10
_LEAST = 0.01


def reach_of_steps(history: RunHistory) -> float | None:
    """Return how many times as long a step would have to be to end at the lowest point of its way.

    To second order the slope along a way changes by the curvature times its length. A step of
    length `l` behind which the slope is `s` and along which the curvature is `c` would have met
    slope 0 at the length `l - s / c`; at twice that the loss is where it began, and beyond steps
    diverge. For plain gradient descent on a bowl that is the limit of 2 over the curvature
    (LeCun et al. 1998, Efficient BackProp). As a ratio it holds for every optimizer.

    Args:
        history: The run.

    Returns:
        The median over the run; `None` where the curvature was not known for ten steps, or where
        the loss does not bend upwards.
    """
    bend = _found(history.series.get(keys.CURVATURE))
    along = _found(history.series.get(keys.COSINE_TO_UPDATE))
    slope = _found(history.get(Role.GRADIENT_NORM))
    length = _found(history.series.get(keys.UPDATE_NORM_GLOBAL))
    if bend is None or along is None or slope is None or length is None:
        return None
    curvature = float(np.median(bend.values))
    way = _at(length, bend)
    if curvature <= 0.0 or way <= 0.0:
        return None
    return max(_LEAST, 1.0 - _at(along, bend) * _at(slope, bend) / (curvature * way))


def _found(series: Series | None) -> Series | None:
    finite = series.finite() if series is not None else None
    return finite if finite is not None and len(finite) >= _FEWEST else None


def _at(series: Series, other: Series) -> float:
    """Return the median of a series while another is known."""
    first, last = other.span
    there = series.values[(series.steps >= first) & (series.steps <= last)]
    return float(np.median(there)) if len(there) else 0.0
