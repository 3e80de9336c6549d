"""What a run has measured so far, in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tuneguard import keys
from tuneguard.history import Series

Steps = NDArray[np.int64]
Values = NDArray[np.float64]
Codes = NDArray[np.int32]

POINTS = 200_000
_MOST = 16_384
_FEWEST = 128
_WAITING = 65_536
_DENSE_START = 256
_NOT_FINITE = 64
_MANY = 8


class RunMemory:
    """Keeps series as they grow: whole at first, then in pairs of neighbours ever further apart.

    A series keeps its first steps, where initialisation shows, and its first values that are not
    finite. A series with more points than it may have keeps every second pair of the rest, and
    from then on takes every second pair: the points stay even over time, and neighbours stay
    neighbours, so that the scale of the noise is what it was. Spikes between the pairs are lost.

    Args:
        points: About how many points all series may have together, at 24 bytes each.
    """

    def __init__(self, points: int = POINTS) -> None:
        self._points = points
        self._codes: dict[str, int] = {}
        self._kept: dict[int, _Kept] = {}
        self._waiting: list[tuple[Codes, Steps, Values]] = []
        self._rows = 0
        self.last_step = 0

    @property
    def size(self) -> int:
        """How many points are kept."""
        return sum(len(one.steps) for one in self._kept.values()) + self._rows

    def take(self, names: Sequence[str], codes: Codes, steps: Steps, values: Values) -> None:
        """Take measured values, at little cost.

        Args:
            names: Keys of series.
            codes: Shape `(n,)`: position in `names` of each value's key.
            steps: Shape `(n,)`: optimizer step.
            values: Shape `(n,)`.
        """
        if not len(values):
            return
        own = np.array([self._code(name) for name in names], dtype=np.int32)
        self._waiting.append((own[codes], steps, values))
        self._rows += len(values)
        self.last_step = max(self.last_step, int(steps.max()))
        if self._rows >= _WAITING:
            self._settle()

    def series(self) -> dict[str, Series]:
        """Return what is kept, by key; pieces of sharded parameters say nothing by themselves."""
        self._settle()
        return {
            name: Series.from_arrays(name, self._kept[code].steps, self._kept[code].values)
            for name, code in self._codes.items()
            if code in self._kept and not name.startswith(keys.SHARD)
        }

    def _code(self, name: str) -> int:
        return self._codes.setdefault(name, len(self._codes))

    def _settle(self) -> None:
        """Give each series what waits for it, and cut those that have become too long."""
        if not self._rows:
            return
        codes, steps, values = (np.concatenate(part) for part in zip(*self._waiting, strict=True))
        self._waiting, self._rows = [], 0
        order = np.argsort(codes, kind="stable")
        codes, steps, values = codes[order], steps[order], values[order]
        present, starts = np.unique(codes, return_index=True)
        limits = self._limits()
        ends = np.append(starts[1:], len(codes))
        for code, start, end in zip(present.tolist(), starts, ends, strict=True):
            kept = self._kept.setdefault(code, _Kept())
            kept.add(steps[start:end], values[start:end])
            kept.cut(limits[code])

    def _limits(self) -> Mapping[int, int]:
        """Return how many points each series may have: those of layers share a half."""
        sizes = Counter(_quantity(name) for name in self._codes)
        of_layers = sum(size for size in sizes.values() if size > _MANY)
        others = len(self._codes) - of_layers
        half = self._points // 2
        limits = {True: half // max(of_layers, 1), False: half // max(others, 1)}
        return {
            code: int(np.clip(limits[sizes[_quantity(name)] > _MANY], _FEWEST, _MOST))
            for name, code in self._codes.items()
        }


class _Kept:
    """The points of one series, with their numbers in the order in which they came."""

    def __init__(self) -> None:
        self.steps: Steps = np.empty(0, dtype=np.int64)
        self.values: Values = np.empty(0)
        self._numbers: Steps = np.empty(0, dtype=np.int64)
        self._came = 0
        self._stride = 1
        self._dense = _DENSE_START

    def add(self, steps: Steps, values: Values) -> None:
        numbers = np.arange(self._came, self._came + len(values))
        self._came += len(values)
        room = _NOT_FINITE - int(np.count_nonzero(~np.isfinite(self.values)))
        chosen = self._chosen(numbers, values, room)
        self.steps = np.concatenate([self.steps, steps[chosen]])
        self.values = np.concatenate([self.values, values[chosen]])
        self._numbers = np.concatenate([self._numbers, numbers[chosen]])

    def cut(self, limit: int) -> None:
        self._dense = min(self._dense, limit // 4)
        while len(self.steps) > limit:
            self._stride *= 2
            chosen = self._chosen(self._numbers, self.values, _NOT_FINITE)
            if chosen.all():
                return
            self.steps, self.values = self.steps[chosen], self.values[chosen]
            self._numbers = self._numbers[chosen]

    def _chosen(self, numbers: Steps, values: Values, room: int) -> NDArray[np.bool_]:
        """Say which points to keep: `room` of those that are not finite, whatever their number."""
        chosen: NDArray[np.bool_] = (numbers < self._dense) | (numbers // 2 % self._stride == 0)
        chosen[np.flatnonzero(~np.isfinite(values))[: max(room, 0)]] = True
        return chosen


def _quantity(name: str) -> str:
    return name.partition("/")[0]
