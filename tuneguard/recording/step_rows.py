"""What is recorded of every step: kept as it comes, put into columns beside the loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from tuneguard import keys
from tuneguard.recording.loss_mean import Loss
from tuneguard.recording.piece import Piece
from tuneguard.recording.samples import Sample
from tuneguard.recording.schedule import Look

Item = TypeVar("Item")
Number = float | torch.Tensor
Values = NDArray[np.float64]
Stamps = NDArray[np.int64]
NamesOfRates = Callable[[int], Sequence[str]]


@dataclass(slots=True)
class Step:
    """One optimizer step.

    Attributes:
        number: Its number.
        moment: When it began, in seconds of `time.perf_counter`.
        seconds: Since the step before; NaN where that is not known.
        loss: Its loss, of one element; `None` where it is not known.
        look: How closely it is looked at.
        data: Seconds waited for data, and samples that came; `None` where that is not known.
        rates: The learning rates used, one a parameter group; empty where it was not taken.
        sample: What was sampled at it.
        updates: How many optimizers were stepped.
    """

    number: int
    moment: float
    seconds: float
    loss: Loss | None
    look: Look
    data: tuple[float, int] | None = None
    rates: tuple[Number, ...] = ()
    sample: Sample | None = None
    updates: int = 0


class StepRows:
    """The latest steps, and single values beside them."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
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
            *_tensors(step.loss for step in self.steps),
            *_tensors(rate for step in self.steps for rate in step.rates),
            *_tensors(value for *_, value in self._singles),
        ]

    def pieces(self, fetched: Iterator[Values], names_of_rates: NamesOfRates) -> Iterator[Piece]:
        """Yield the rows by key.

        Args:
            fetched: The values of `tensors`.
            names_of_rates: The keys of the learning rates, from their number.
        """
        if self.steps:
            numbers = np.array([step.number for step in self.steps], dtype=np.int64)
            stamps = self.stamps([step.moment for step in self.steps])
            yield from self._loss_pieces(numbers, stamps, fetched)
            yield from self._rate_pieces(numbers, stamps, fetched, names_of_rates)
            yield from self._time_pieces(numbers, stamps)
        values = _fetched([value for *_, value in self._singles], fetched)
        for (key, number, moment, _), value in zip(self._singles, values, strict=True):
            yield Piece.of_one(key, np.array([number]), self.stamps([moment]), np.array([value]))

    def _loss_pieces(
        self, numbers: Stamps, stamps: Stamps, fetched: Iterator[Values]
    ) -> Iterator[Piece]:
        losses = [step.loss for step in self.steps]
        has_loss = np.array([loss is not None for loss in losses], dtype=np.bool_)
        values = _fetched([loss for loss in losses if loss is not None], fetched)
        yield Piece.of_one(keys.TRAIN_LOSS, numbers[has_loss], stamps[has_loss], values)

    def _rate_pieces(
        self, numbers: Stamps, stamps: Stamps, fetched: Iterator[Values], names: NamesOfRates
    ) -> Iterator[Piece]:
        lengths = np.array([len(step.rates) for step in self.steps])
        values = _fetched([rate for step in self.steps for rate in step.rates], fetched)
        starts = np.cumsum(lengths) - lengths
        for group, key in enumerate(names(int(lengths.max()))):
            has_group = lengths > group
            own = values[starts[has_group] + group]
            yield Piece.of_one(key, numbers[has_group], stamps[has_group], own)

    def _time_pieces(self, numbers: Stamps, stamps: Stamps) -> Iterator[Piece]:
        seconds = np.array([step.seconds for step in self.steps])
        is_known = seconds > 0.0
        yield Piece.of_one(
            keys.STEP_SECONDS, numbers[is_known], stamps[is_known], seconds[is_known]
        )
        data = np.array([step.data or (math.nan, 0) for step in self.steps])
        has_data = is_known & np.isfinite(data[:, 0])
        if not has_data.any():
            return
        numbers, stamps, seconds = numbers[has_data], stamps[has_data], seconds[has_data]
        waited, samples = data[has_data].T
        yield Piece.of_one(
            keys.DATA_WAIT_FRACTION, numbers, stamps, np.minimum(1.0, waited / seconds)
        )
        came = samples > 0
        yield Piece.of_one(
            keys.SAMPLES_PER_SECOND, numbers[came], stamps[came], samples[came] / seconds[came]
        )

    def stamps(self, moments: Sequence[float]) -> Stamps:
        """Return moments as milliseconds since 1970."""
        return ((np.array(moments, dtype=np.float64) + self._offset) * 1000.0).astype(np.int64)


def drained(items: list[Item]) -> list[Item]:
    """Empty a list to which another thread may append at any time, and return what was in it."""
    count = len(items)
    taken = items[:count]
    del items[:count]
    return taken


def _tensors(values: Iterable[object]) -> Iterator[torch.Tensor]:
    return (value for value in values if isinstance(value, torch.Tensor))


def _fetched(values: Sequence[Number], fetched: Iterator[Values]) -> Values:
    return np.array(
        [next(fetched)[0] if isinstance(value, torch.Tensor) else value for value in values],
        dtype=np.float64,
    )
