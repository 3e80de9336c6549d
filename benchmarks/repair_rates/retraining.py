"""A training without a recorder, and what it ended at."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from benchmarks.error_rates.setup import Batch, Setup
from benchmarks.error_rates.training import Loop


@dataclass(frozen=True, slots=True)
class Retrained:
    """What a training ended at.

    Attributes:
        score: On the test data, in points of 100.
        validated: Score on the validation data, by which one of several is chosen.
    """

    score: float
    validated: float


def retrained(setup: Setup, seed: int, *, keeps_best: bool) -> Retrained:
    """Train, and score the model that one is left with.

    Args:
        setup: What to train.
        seed: Of everything random: that of the training that is repaired.
        keeps_best: Whether the weights of the best validation are kept, as early stopping does.
    """
    loop = _Loop(setup, seed)
    loop.run(_Unwatched())  # type: ignore[arg-type]
    return loop.best if keeps_best else loop.last


class _Unwatched:
    """Stands in for the callback: nobody looks at how a repaired training runs."""

    def batches(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        yield from batches

    def validation_batches(self, batches: Iterable[Batch]) -> Iterable[Batch]:
        return batches

    def on_after_backward(self, loss: Tensor) -> None:
        """Record nothing."""

    def on_validation_end(self, metrics: Mapping[str, float]) -> None:
        """Record nothing."""


class _Loop(Loop):
    """Keeps each validation's loss and score beside the score on the test data."""

    def __init__(self, setup: Setup, seed: int) -> None:
        super().__init__(setup, seed)
        self._evaluations: list[tuple[float, float]] = []

    def _evaluated(self, batch: Batch) -> dict[str, float]:
        found = super()._evaluated(batch)
        self._evaluations.append((found["loss"], self._score))
        return found

    @property
    def _passes(self) -> list[tuple[float, Retrained]]:
        """Validation loss and scores of each validation: the test follows on it."""
        pairs: Any = zip(self._evaluations[::2], self._evaluations[1::2], strict=True)
        return [(loss, Retrained(tested, validated)) for (loss, validated), (_, tested) in pairs]

    @property
    def last(self) -> Retrained:
        """What the final weights score."""
        return self._passes[-1][1]

    @property
    def best(self) -> Retrained:
        """What the weights of the lowest validation loss score."""
        return min(self._passes, key=lambda one: one[0] if math.isfinite(one[0]) else math.inf)[1]
