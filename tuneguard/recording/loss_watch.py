"""Notices on the writer's thread that something odd has happened, so as to look closer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tuneguard import keys
from tuneguard.spool.columns import Columns

_REMEMBERED = 256
_FEWEST = 32
_SPREADS = 10.0
_QUIET_STEPS = 2000
_TO_SIGMA = 1.4826
_WATCHED = (keys.TRAIN_LOSS, keys.GRADIENT_NORM_GLOBAL)


class LossWatch:
    """Watches loss and gradient norm for values far above what they were, or not finite.

    This decides how closely to look, not what is wrong: a false alarm costs a few samples.

    Args:
        on_odd: Called where something is odd, at most once in 2,000 steps.
    """

    def __init__(self, on_odd: Callable[[], None]) -> None:
        self._on_odd = on_odd
        self._recent = {key: np.empty(0) for key in _WATCHED}
        self._quiet_until = 0

    def take(self, columns: Columns) -> None:
        """Look at the values of a packet."""
        for code, key in enumerate(columns.keys):
            if key in self._recent:
                is_own = columns.codes == code
                self._look(key, columns.steps[is_own], columns.values[is_own])

    def _look(self, key: str, steps: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        recent = self._recent[key]
        finite = values[np.isfinite(values)]
        self._recent[key] = np.concatenate([recent, finite])[-_REMEMBERED:]
        if len(steps) and steps[-1] >= self._quiet_until and _is_odd(values, recent):
            self._quiet_until = int(steps[-1]) + _QUIET_STEPS
            self._on_odd()


def _is_odd(values: NDArray[np.float64], recent: NDArray[np.float64]) -> bool:
    """Whether a value is not finite, or many times the usual spread above the usual level.

    >>> usual = np.tile([0.9, 1.1], 50)
    >>> _is_odd(np.array([1.5]), usual), _is_odd(np.array([1.0, 3.0]), usual)
    (False, True)
    """
    if not np.isfinite(values).all():
        return True
    if len(recent) < _FEWEST:
        return False
    level = float(np.median(recent))
    spread = _TO_SIGMA * float(np.median(np.abs(recent - level)))
    return bool(values.max() > level + _SPREADS * spread + 1e-9 * abs(level))
