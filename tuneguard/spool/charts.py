"""What is charted of everything measured: little enough for the metrics table, no spike lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuneguard import keys
from tuneguard.spool.columns import Columns

# to store a point costs 100 to 400 µs of processor time: at this rate, up to 0.4 %
POINTS_PER_SECOND = 10.0
INITIAL_CREDIT = 1000
LAYER_SHARE = 0.25
_FULL_RESOLUTION = 512


class ChartPoint(NamedTuple):
    """One point of the metrics table; the timestamp in milliseconds since 1970."""

    key: str
    step: int
    timestamp: int
    value: float


def stride_of(position: int) -> int:
    """Return how many samples one point stands for, from the sample's position in its series.

    A series doubles its stride with its length, so it never has more than 10,000 points.

    >>> [stride_of(n) for n in (0, 1023, 1024, 2048, 512_000)]
    [1, 1, 2, 4, 512]
    """
    return 1 << max(0, (position // _FULL_RESOLUTION).bit_length() - 1)


class ChartReducer:
    """Turns measured values into chart points.

    A point stands for a window of samples: their median under the key, and where there is more
    than one, their maximum under `<key>/max`, at the step of the last. Windows widen with the
    length of the series, and once the initial credit is spent they also last long enough that
    all keys together stay below the allowed rate; rare series keep every point. Counts of shared
    samples, of which a run has a few, are charted apart from the others. Values that are not
    finite are counted, not charted.

    Args:
        rate: Points a second, of all keys together.
        credit: Points that may be written at once at the start.
    """

    def __init__(self, rate: float = POINTS_PER_SECOND, credit: int = INITIAL_CREDIT) -> None:
        self._layers = _Allowance(rate * LAYER_SHARE, int(credit * LAYER_SHARE))
        self._others = _Allowance(rate * (1 - LAYER_SHARE), int(credit * (1 - LAYER_SHARE)))
        self._counts = _Allowance(rate, credit)
        self._windows: dict[str, _Window] = {}
        self.non_finite = 0

    def add(self, columns: Columns) -> list[ChartPoint]:
        """Take measured values in, and return the points that became due."""
        points: list[ChartPoint] = []
        for key, own in columns.by_key():
            if key.startswith(keys.SHARD):
                # a piece says nothing until it is added to the others
                continue
            finite = np.isfinite(own.values)
            window = self._window(key)
            if finite.all():
                window.take(own)
            else:
                points.append(self._counted(own, finite))
                window.take(own.where(finite))
            points.extend(window.due())
        return points

    def finish(self) -> list[ChartPoint]:
        """Return the points of the windows that are not full."""
        return [point for window in self._windows.values() for point in window.rest()]

    def _counted(self, own: Columns, finite: NDArray[np.bool_]) -> ChartPoint:
        self.non_finite += int(np.count_nonzero(~finite))
        last = int(np.flatnonzero(~finite)[-1])
        where = int(own.steps[last]), int(own.timestamps[last])
        return ChartPoint(keys.NON_FINITE, *where, float(self.non_finite))

    def _window(self, key: str) -> _Window:
        if key not in self._windows:
            allowance = self._allowance_of(key)
            allowance.keys += 1
            self._windows[key] = _Window(key, allowance)
        return self._windows[key]

    def _allowance_of(self, key: str) -> _Allowance:
        if key.startswith(f"{keys.SPLITS}/"):
            return self._counts
        return self._layers if _is_of_a_layer(key) else self._others


_OF_LAYERS = {
    keys.GRADIENT_NORM,
    keys.UPDATE_RATIO,
    keys.DEAD_UNITS,
    keys.SATURATED_UNITS,
    keys.ZERO_GRADIENT_UNITS,
}


def _is_of_a_layer(key: str) -> bool:
    quantity, _, layer = key.partition("/")
    return quantity in _OF_LAYERS and layer != keys.GLOBAL


class _Allowance:
    """How fast a family of keys may be charted."""

    def __init__(self, rate: float, credit: int) -> None:
        self.rate = rate
        self.credit = credit
        self.keys = 0

    @property
    def interval(self) -> float:
        """Milliseconds that must lie between two windows of one key: two points each."""
        return 0.0 if self.credit > 0 else 2000.0 * self.keys / self.rate


class _Window:
    """The samples of one key that no point stands for yet."""

    def __init__(self, key: str, allowance: _Allowance) -> None:
        self._key = key
        self._allowance = allowance
        self._position = 0
        self._last = -np.inf
        self._pieces: list[Columns] = []
        self._count = 0

    def take(self, piece: Columns) -> None:
        if len(piece):
            self._pieces.append(piece)
            self._count += len(piece)

    def due(self) -> Iterator[ChartPoint]:
        while self._count:
            length = stride_of(self._position)
            earliest = self._last + self._allowance.interval
            if length > self._count or self._pieces[-1].timestamps[-1] < earliest:
                return
            steps, timestamps, values = self._together()
            if earliest > self._last:
                length = max(length, int(np.searchsorted(timestamps, earliest)) + 1)
            yield from self._cut(length, steps, timestamps, values)

    def rest(self) -> Iterator[ChartPoint]:
        if self._count:
            yield from self._cut(self._count, *self._together())

    def _together(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        return (
            np.concatenate([piece.steps for piece in self._pieces]),
            np.concatenate([piece.timestamps for piece in self._pieces]),
            np.concatenate([piece.values for piece in self._pieces]),
        )

    def _cut(
        self,
        length: int,
        steps: NDArray[np.int64],
        timestamps: NDArray[np.int64],
        values: NDArray[np.float64],
    ) -> Iterator[ChartPoint]:
        own, step, timestamp = values[:length], int(steps[length - 1]), int(timestamps[length - 1])
        rest = slice(length, None)
        self._pieces = [Columns.of_one_key(self._key, steps[rest], timestamps[rest], values[rest])]
        self._count -= length
        self._position += length
        self._last = float(timestamp)
        self._allowance.credit -= 1 if length == 1 else 2
        yield ChartPoint(self._key, step, timestamp, float(np.median(own)))
        if length > 1:
            name = f"{self._key}{keys.MAXIMUM_SUFFIX}"
            yield ChartPoint(name, step, timestamp, float(own.max()))
