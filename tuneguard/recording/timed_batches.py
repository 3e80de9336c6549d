"""Data loaders whose batches are waited for with a clock in hand, or looked at in passing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from typing import Any, Generic, TypeVar, cast

import torch

from tuneguard.recording.shared_samples import SharedSamples

Batch = TypeVar("Batch")


class TimedBatches(Generic[Batch]):
    """Yields what `loader` yields, and tells `on_batch` how long each batch took.

    Args:
        loader: Any iterable; its exceptions pass through.
        on_batch: Called with the seconds waited, and the number of samples in the batch.
        shared: Looks at the batches of some steps, if anything does.
    """

    def __init__(
        self,
        loader: Iterable[Batch],
        on_batch: Callable[[float, int], None],
        shared: SharedSamples | None = None,
    ) -> None:
        self._loader = loader
        self._on_batch = on_batch
        self._shared = shared

    def __len__(self) -> int:
        return len(cast("Sized", self._loader))

    def __iter__(self) -> Iterator[Batch]:
        asked = time.perf_counter()
        for batch in self._loader:
            self._on_batch(time.perf_counter() - asked, samples_in(batch))
            if self._shared is not None and self._shared.is_due:
                self._shared.trained_on(batch)
            yield batch
            asked = time.perf_counter()


class ValidationBatches(Generic[Batch]):
    """Yields what `loader` yields, and has the first pass over it looked at.

    Args:
        loader: Any iterable; its exceptions pass through.
        shared: Looks at the batches.
    """

    def __init__(self, loader: Iterable[Batch], shared: SharedSamples) -> None:
        self._loader = loader
        self._shared = shared

    def __len__(self) -> int:
        return len(cast("Sized", self._loader))

    def __iter__(self) -> Iterator[Batch]:
        if not self._shared.wants_validation:
            yield from self._loader
            return
        try:
            for batch in self._loader:
                self._shared.validated_on(batch)
                yield batch
        finally:
            self._shared.validation_ends()


def samples_in(batch: Any) -> int:
    """Return the leading dimension of the first tensor in a batch, 0 where there is none.

    Never raises: what cannot be counted is passed on all the same.

    >>> samples_in({"inputs": [torch.zeros(8, 3)]})
    8
    """
    try:
        return _leading_dimension(batch)
    except Exception:  # noqa: BLE001 - a batch may be of any class, whatever its methods do
        return 0


def _leading_dimension(batch: Any) -> int:
    if isinstance(batch, torch.Tensor):
        return int(batch.size(0)) if batch.ndim else 1
    if isinstance(batch, Mapping):
        batch = list(batch.values())
    if isinstance(batch, list | tuple):
        return next((count for part in batch if (count := _leading_dimension(part))), 0)
    return 0
