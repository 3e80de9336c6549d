"""What is recorded of every step: kept as it comes, put into columns beside the loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from tuneguard import keys
from tuneguard.recording.device_copy import Floats
from tuneguard.recording.loss_mean import Loss
from tuneguard.recording.piece import Piece
from tuneguard.recording.samples import Sample
from tuneguard.recording.schedule import Look

Item = TypeVar("Item")
Number = float | torch.Tensor
Values = NDArray[np.float64]
Stamps = NDArray[np.int64]
Places = tuple[Stamps, Stamps]
"""Steps, and milliseconds since 1970."""
NamesOfRates = Callable[[int], Sequence[str]]
Waited = tuple[float, int]
"""Seconds waited for data, and samples that came."""
Row = tuple[int, float, float, Loss | None, Waited | None, tuple[Number, ...]]
"""What is kept of a step: its number, moment, seconds, loss, wait for data, learning rates."""


@dataclass(slots=True)
class Step:
    """One optimizer step.

    Attributes:
        number: Its number.
        moment: When it began, in seconds of `time.perf_counter`.
        seconds: Since the step before; NaN where that is not known.
        loss: Its loss, of one element; `None` where it is not known.
        look: How closely it is looked at.
        data: What it waited for data; `None` where that is not known.
        rates: The learning rates used, one a parameter group; empty where it was not taken.
        sample: What was sampled at it.
        updates: How many optimizers were stepped.
    """

    number: int
    moment: float
    seconds: float
    loss: Loss | None
    look: Look = Look.NOT
    data: Waited | None = None
    rates: tuple[Number, ...] = ()
    sample: Sample | None = None
    updates: int = 0

    @property
    def row(self) -> Row:
        """What is kept of it."""
        return (self.number, self.moment, self.seconds, self.loss, self.data, self.rates)


class StepRows:
    """The latest steps, and single values beside them."""

    def __init__(self) -> None:
        self.steps: list[Row] = []
        self._singles: list[tuple[str, int, float, Number]] = []
        # ties moments to the time of day
        self._offset = 0.0

    def __len__(self) -> int:
        return len(self.steps) + len(self._singles)

    def add_single(self, key: str, number: int, moment: float, value: Number) -> None:
        """Add one value of one key, at a step and a moment."""
        self._singles.append((key, number, moment, value))

    def drain(self) -> StepRows:
        """Return what is here, and keep what another thread adds meanwhile."""
        taken = StepRows()
        taken.steps.extend(drained(self.steps))
        taken._singles.extend(drained(self._singles))
        taken._offset = time.time() - time.perf_counter()
        return taken

    def tensors(self) -> list[torch.Tensor]:
        """Return what is on a device, in the order in which `pieces` takes its values."""
        return [
            *_tensors(loss for _, _, _, loss, _, _ in self.steps),
            *_tensors(rate for *_, rates in self.steps for rate in rates),
            *_tensors(value for *_, value in self._singles),
        ]

    def pieces(self, fetched: Iterator[Floats], names_of_rates: NamesOfRates) -> Iterator[Piece]:
        """Yield the rows by key.

        Args:
            fetched: The values of `tensors`.
            names_of_rates: The keys of the learning rates, from their number.
        """
        if self.steps:
            steps, moments, seconds, losses, waits, rates = zip(*self.steps, strict=True)
            at = np.array(steps, dtype=np.int64), self.stamps(moments)
            yield from _loss_pieces(at, losses, fetched)
            yield from _rate_pieces(at, rates, fetched, names_of_rates)
            yield from _time_pieces(at, np.array(seconds), waits)
        values = _fetched([value for *_, value in self._singles], fetched)
        for (key, number, moment, _), value in zip(self._singles, values, strict=True):
            yield Piece.of_one(key, np.array([number]), self.stamps([moment]), np.array([value]))

    def stamps(self, moments: Sequence[float]) -> Stamps:
        """Return moments as milliseconds since 1970."""
        return ((np.array(moments, dtype=np.float64) + self._offset) * 1000.0).astype(np.int64)


def _loss_pieces(
    at: Places, losses: Sequence[Loss | None], fetched: Iterator[Floats]
) -> Iterator[Piece]:
    has_loss = np.array([loss is not None for loss in losses], dtype=np.bool_)
    values = _fetched([loss for loss in losses if loss is not None], fetched)
    yield _piece(keys.TRAIN_LOSS, at, has_loss, values)


def _rate_pieces(
    at: Places,
    rates: Sequence[tuple[Number, ...]],
    fetched: Iterator[Floats],
    names: NamesOfRates,
) -> Iterator[Piece]:
    lengths = np.array(list(map(len, rates)))
    values = _fetched(list(chain.from_iterable(rates)), fetched)
    starts = np.cumsum(lengths) - lengths
    for group, key in enumerate(names(int(lengths.max()))):
        has_group = lengths > group
        yield _piece(key, at, has_group, values[starts[has_group] + group])


def _time_pieces(at: Places, seconds: Values, waits: Sequence[Waited | None]) -> Iterator[Piece]:
    is_known = seconds > 0.0
    yield _piece(keys.STEP_SECONDS, at, is_known, seconds[is_known])
    if not any(waits):
        return
    waited, samples = np.array([wait or (math.nan, 0) for wait in waits]).T
    has_data = is_known & np.isfinite(waited)
    share = np.minimum(1.0, waited[has_data] / seconds[has_data])
    yield _piece(keys.DATA_WAIT_FRACTION, at, has_data, share)
    came = has_data & (samples > 0)
    yield _piece(keys.SAMPLES_PER_SECOND, at, came, samples[came] / seconds[came])


def _piece(key: str, at: Places, is_there: NDArray[np.bool_], values: Values) -> Piece:
    numbers, stamps = at
    return Piece.of_one(key, numbers[is_there], stamps[is_there], values)


def drained(items: list[Item]) -> list[Item]:
    """Empty a list to which another thread may append at any time, and return what was in it."""
    count = len(items)
    taken = items[:count]
    del items[:count]
    return taken


def _tensors(values: Iterable[object]) -> Iterator[torch.Tensor]:
    return (value for value in values if isinstance(value, torch.Tensor))


def _fetched(values: Sequence[Number], fetched: Iterator[Floats]) -> Values:
    if set(map(type, values)) != {float}:
        values = [
            float(next(fetched)[0]) if isinstance(value, torch.Tensor) else value
            for value in values
        ]
    return np.array(values, dtype=np.float64)
