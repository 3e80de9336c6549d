"""Norms of sharded parameters while the training goes on: rank 0 adds up what the others post."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from tuneguard import keys
from tuneguard.recording.rank_exchange import RankExchange
from tuneguard.spool.columns import Columns

WINDOW = 256
SMALLEST_WINDOW = 32
_ROWS_OF_ALL = 16_384
WINDOW_INTERVALS = (8.0, 32.0)
LAST_SECONDS = 2.0
_LOOK_SECONDS = 0.1

SQUARED_KEYS = (
    f"{keys.SHARD}{keys.GRADIENT_NORM_GLOBAL}",
    f"{keys.SHARD}{keys.UPDATE_NORM_GLOBAL}",
    f"{keys.SHARD}{keys.WEIGHT_NORM}/{keys.GLOBAL}",
)
"""Norms of this rank's shard that are exchanged, in the order of the rows' columns."""

Rows = NDArray[np.float64]
_Row = tuple[float, ...]


class Window:
    """The latest samples of one rank: step, timestamp, and a squared norm for each key.

    Holds a bounded number of rows, over a time long enough that those of all ranks overlap: where
    samples come faster, only steps that a power of two divides are kept, so that the ranks keep
    the same ones.

    Args:
        interval: Seconds between two looks of a rank at what the others have posted.
        size: Rows, at most.
    """

    def __init__(self, interval: float, size: int = WINDOW) -> None:
        self._size = size
        self._shortest, self._longest = (1000.0 * interval * one for one in WINDOW_INTERVALS)
        self._every = 1
        self._rows: dict[float, _Row] = {}

    def add(self, rows: Iterable[_Row]) -> None:
        """Take samples in, in order of their steps."""
        for row in rows:
            if row[0] % self._every == 0:
                self._rows[row[0]] = row
            if len(self._rows) > self._size:
                self._make_room()

    def _make_room(self) -> None:
        times = [row[1] for row in self._rows.values()]
        span = times[-1] - times[0]
        if span < self._shortest:
            self._every *= 2
            self._rows = {step: row for step, row in self._rows.items() if not step % self._every}
        else:
            del self._rows[next(iter(self._rows))]
            if span > self._longest and self._every > 1:
                self._every //= 2

    def rows(self) -> Rows:
        """Return the samples: shape `(n, 2 + keys)`."""
        return np.array(list(self._rows.values())).reshape(-1, 2 + len(SQUARED_KEYS))


class ShardSums:
    """Posts this rank's squared norms; on rank 0, adds up those of all.

    Rank 0 never waits for a sum: a step whose squares come too late, or not at all, is left out
    of the charts. The record has the norms of all shards.

    Args:
        exchange: What carries them.
        rank: This rank.
        world_size: How many ranks there are.
    """

    def __init__(self, exchange: RankExchange, rank: int, world_size: int) -> None:
        self._exchange = exchange
        self._topic = f"squares/{rank}"
        self._is_first = rank == 0
        # rank 0 reads those of all
        size = min(WINDOW, max(SMALLEST_WINDOW, _ROWS_OF_ALL // world_size))
        self._window = Window(exchange.interval, size)
        self._mutex = threading.Lock()
        self._others: list[Rows] = []
        self._summed = -1.0
        self._news = threading.Event()
        if self._is_first:
            others = [f"squares/{other}" for other in range(1, world_size)]
            exchange.follow(others, self._hear)

    def add(self, columns: Columns) -> None:
        """Take the norms of this rank's shard in; called on the writer's thread."""
        rows = _rows_of(columns)
        if not rows:
            return
        self._window.add(rows)
        if not self._is_first:
            message = base64.b64encode(self._window.rows().tobytes()).decode("ascii")
            self._exchange.post(self._topic, message)

    def complete(self) -> Columns:
        """Return what could be added up since the last call, by metric key."""
        with self._mutex:
            others = self._others
        reached = min((rows[-1, 0] for rows in others), default=self._summed)
        if reached <= self._summed:
            return Columns.from_rows(())
        own = self._window.rows()
        own = own[own[:, 0] > self._summed]
        steps = own[:, 0]
        for rows in others:
            steps = np.intersect1d(steps, rows[:, 0])
        if not len(steps):
            return Columns.from_rows(())
        self._summed = float(steps[-1])
        chosen = [rows[np.searchsorted(rows[:, 0], steps)] for rows in (own, *others)]
        return _sums(chosen[0][:, :2], np.sum([rows[:, 2:] for rows in chosen], axis=0))

    def wait_for_last(self, seconds: float = LAST_SECONDS) -> None:
        """Wait, a moment at most, until the others have posted what rank 0 has measured last."""
        self._exchange.hurry()
        deadline = time.monotonic() + seconds
        while self._is_behind() and not self._exchange.is_over and time.monotonic() < deadline:
            self._news.wait(_LOOK_SECONDS)
            self._news.clear()

    def _is_behind(self) -> bool:
        with self._mutex:
            others = self._others
        own = self._window.rows()
        is_reached = (rows[-1:, 0] >= own[-1:, 0] for rows in others)
        return len(own) > 0 and not (others and all(map(np.all, is_reached)))

    def _hear(self, messages: list[bytes]) -> None:
        others = [
            np.frombuffer(base64.b64decode(message)).reshape(-1, 2 + len(SQUARED_KEYS))
            for message in messages
        ]
        with self._mutex:
            self._others = others
        self._news.set()


def _rows_of(columns: Columns) -> list[_Row]:
    """One row a step that has the norm of the gradient; other norms are NaN where not measured."""
    norms: list[dict[int, float]] = [{} for _ in SQUARED_KEYS]
    times: dict[int, int] = {}
    for key, own in columns.by_key():
        if key in SQUARED_KEYS:
            place = SQUARED_KEYS.index(key)
            norms[place] = dict(zip(own.steps.tolist(), own.values.tolist(), strict=True))
            if place == 0:
                times = dict(zip(own.steps.tolist(), own.timestamps.tolist(), strict=True))
    return [
        (float(step), float(moment), *(_square(of_key.get(step, np.nan)) for of_key in norms))
        for step, moment in sorted(times.items())
    ]


def _square(norm: float) -> float:
    return norm * norm


def _sums(places: Rows, squares: Rows) -> Columns:
    gradient, update, weight = np.sqrt(squares).T
    is_updated = ~np.isnan(squares[:, 1]) & (weight > 0)
    with np.errstate(invalid="ignore"):
        ratio = update / np.where(is_updated, weight, 1.0)
    found = [
        (keys.GRADIENT_NORM_GLOBAL, gradient, np.full(len(places), fill_value=True)),
        (keys.UPDATE_NORM_GLOBAL, update, is_updated),
        (keys.UPDATE_RATIO_GLOBAL, ratio, is_updated),
    ]
    return Columns.from_rows(
        (key, int(step), int(moment), float(value))
        for key, values, is_there in found
        for (step, moment), value in zip(places[is_there], values[is_there], strict=True)
    )
