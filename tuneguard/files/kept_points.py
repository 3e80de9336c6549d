"""The points of one series in bounded memory, however many are written."""

from __future__ import annotations

from array import array
from typing import Final

import numpy as np
from numpy.typing import NDArray

MAX_POINTS: Final = 1 << 18
"""Of a longer series, every second, fourth, ... point is kept."""

_MAX_TOTAL: Final = 1 << 22
_MIN_POINTS: Final = 1000


def limit_for(columns: int) -> int:
    """Return how many points a series may keep where there are so many of them.

    >>> limit_for(3), limit_for(64)
    (262144, 65536)
    """
    return min(MAX_POINTS, max(_MIN_POINTS, _MAX_TOTAL // max(columns, 1)))


class KeptPoints:
    """Keeps points evenly: all of them at first, then one in a stride that doubles.

    A stride leaves the noise of a series as it is, where averages would not. NaN and infinity are
    kept whatever the stride, up to half of `limit`.

    Args:
        limit: How many points to keep at most.
    """

    def __init__(self, limit: int = MAX_POINTS) -> None:
        self._limit = limit
        self._steps: array[float] = array("d")
        self._values: array[float] = array("d")
        self._numbers: array[int] = array("q")
        self._odd = 0
        self.written = 0
        self.stride = 1

    def __len__(self) -> int:
        return len(self._values)

    def passes_over(self, cell: object) -> bool:
        """Count the next point without reading it, where it would not be kept; say whether so."""
        is_due = self.written & (self.stride - 1) == 0
        if is_due or not isinstance(cell, str) or cell[-1] not in "0123456789":
            return False
        self.written += 1
        return True

    def add(self, step: float, value: float) -> None:
        """Take the next point."""
        number = self.written
        self.written = number + 1
        if number & (self.stride - 1) and not self._is_kept_odd(value):
            return
        self._steps.append(step)
        self._values.append(value)
        self._numbers.append(number)
        if len(self._values) > self._limit:
            self._thin()

    def drop_from(self, step: float) -> None:
        """Forget the points at `step` and after it, which a restarted writer writes again."""
        steps, values = self.arrays()
        numbers = np.array(self._numbers)
        is_kept = steps < step
        self._replace(steps[is_kept], values[is_kept], numbers[is_kept])

    def arrays(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the steps and the values that are kept, each of shape `(n,)`."""
        return np.array(self._steps), np.array(self._values)

    def _is_kept_odd(self, value: float) -> bool:
        if value - value == 0.0 or self._odd >= self._limit // 2:
            return False
        self._odd += 1
        return True

    def _thin(self) -> None:
        steps, values = self.arrays()
        numbers = np.array(self._numbers)
        is_odd = ~np.isfinite(values)
        is_odd &= np.cumsum(is_odd) <= self._limit // 2
        self._odd = int(is_odd.sum())
        while (len(steps) - self._odd) > self._limit // 2:
            self.stride *= 2
            is_kept = is_odd | (numbers % self.stride == 0)
            steps, values, numbers = steps[is_kept], values[is_kept], numbers[is_kept]
            is_odd = is_odd[is_kept]
        self._replace(steps, values, numbers)

    def _replace(
        self,
        steps: NDArray[np.float64],
        values: NDArray[np.float64],
        numbers: NDArray[np.int64],
    ) -> None:
        self._steps = array("d", steps.tobytes())
        self._values = array("d", values.tobytes())
        self._numbers = array("q", numbers.tobytes())
