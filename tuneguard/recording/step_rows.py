"""What is recorded of every step, in lists: a few cheap appends a step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from tuneguard import keys
from tuneguard.recording.loop_clock import StepTime
from tuneguard.recording.loss_mean import Loss
from tuneguard.recording.piece import Piece

Number = float | torch.Tensor
Values = NDArray[np.float64]
Stamps = NDArray[np.int64]
NamesOfRates = Callable[[int], Sequence[str]]


class StepRows:
    """Loss, learning rates and times of the latest steps, and single values beside them."""

    def __init__(self) -> None:
        self._numbers: list[int] = []
        self._moments: list[float] = []
        self._losses: list[Loss | None] = []
        self._times: list[StepTime] = []
        self._rates: list[tuple[int, float, tuple[Number, ...]]] = []
        self._singles: list[tuple[str, int, float, Number]] = []
        self._offset = 0.0

    def __len__(self) -> int:
        return len(self._numbers) + len(self._singles)

    def add_step(self, number: int, moment: float, loss: Loss | None, times: StepTime) -> None:
        """Begin a row; `moment` in seconds of `time.perf_counter`."""
        self._numbers.append(number)
        self._moments.append(moment)
        self._losses.append(loss)
        self._times.append(times)

    def add_rates(self, number: int, moment: float, rates: tuple[Number, ...]) -> None:
        """Add the learning rates used at a step, one a parameter group."""
        self._rates.append((number, moment, rates))

    def add_single(self, key: str, number: int, moment: float, value: Number) -> None:
        """Add one value of one key."""
        self._singles.append((key, number, moment, value))

    def end(self) -> None:
        """Tie the moments to the time of day: the rows are complete."""
        self._offset = time.time() - time.perf_counter()

    def tensors(self) -> list[torch.Tensor]:
        """Return what is on a device, in the order in which `pieces` takes its values."""
        return [
            *_tensors(self._losses),
            *_tensors(rate for _, _, rates in self._rates for rate in rates),
            *_tensors(value for *_, value in self._singles),
        ]

    def pieces(self, fetched: Iterator[Values], names_of_rates: NamesOfRates) -> Iterator[Piece]:
        """Yield the rows by key.

        Args:
            fetched: The values of `tensors`.
            names_of_rates: The keys of the learning rates, from their number.
        """
        numbers = np.array(self._numbers, dtype=np.int64)
        stamps = self.stamps(self._moments)
        has_loss = np.array([loss is not None for loss in self._losses], dtype=np.bool_)
        losses = _fetched([loss for loss in self._losses if loss is not None], fetched)
        yield Piece(keys.TRAIN_LOSS, numbers[has_loss], stamps[has_loss], losses)
        if self._rates:
            yield from self._rate_pieces(fetched, names_of_rates)
        yield from self._time_pieces(numbers, stamps)
        values = _fetched([value for *_, value in self._singles], fetched)
        for (key, number, moment, _), value in zip(self._singles, values, strict=True):
            yield Piece(key, np.array([number]), self.stamps([moment]), np.array([value]))

    def _rate_pieces(self, fetched: Iterator[Values], names: NamesOfRates) -> Iterator[Piece]:
        lengths = np.array([len(rates) for _, _, rates in self._rates])
        values = _fetched([rate for _, _, rates in self._rates for rate in rates], fetched)
        starts = np.cumsum(lengths) - lengths
        numbers = np.array([number for number, _, _ in self._rates], dtype=np.int64)
        stamps = self.stamps([moment for _, moment, _ in self._rates])
        for group, key in enumerate(names(int(lengths.max()))):
            has_group = lengths > group
            own = values[starts[has_group] + group]
            yield Piece(key, numbers[has_group], stamps[has_group], own)

    def _time_pieces(self, numbers: Stamps, stamps: Stamps) -> Iterator[Piece]:
        if not self._times:
            return
        seconds, waited, samples = np.array(self._times, dtype=np.float64).T
        is_known = seconds > 0.0
        numbers, stamps, seconds = numbers[is_known], stamps[is_known], seconds[is_known]
        waited, samples = waited[is_known], samples[is_known]
        yield Piece(keys.STEP_SECONDS, numbers, stamps, seconds)
        has_wait = np.isfinite(waited)
        share = np.minimum(1.0, waited[has_wait] / seconds[has_wait])
        yield Piece(keys.DATA_WAIT_FRACTION, numbers[has_wait], stamps[has_wait], share)
        has_rate = samples > 0
        rate = samples[has_rate] / seconds[has_rate]
        yield Piece(keys.SAMPLES_PER_SECOND, numbers[has_rate], stamps[has_rate], rate)

    def stamps(self, moments: Sequence[float]) -> Stamps:
        """Return moments as milliseconds since 1970."""
        return ((np.array(moments, dtype=np.float64) + self._offset) * 1000.0).astype(np.int64)


def _tensors(values: Iterable[object]) -> Iterator[torch.Tensor]:
    return (value for value in values if isinstance(value, torch.Tensor))


def _fetched(values: Sequence[Number], fetched: Iterator[Values]) -> Values:
    return np.array(
        [next(fetched)[0] if isinstance(value, torch.Tensor) else value for value in values],
        dtype=np.float64,
    )
