"""What several samples say of the same things."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tuneguard import keys
from tuneguard.recording.samples import FetchedSample

Vector = NDArray[np.float64]
Rows = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Readings:
    """Values of some keys at some steps.

    Attributes:
        keys: The metric keys, `k` of them.
        steps: Steps of the samples, `n` of them.
        values: Shape `(n, k)`.
    """

    keys: tuple[str, ...]
    steps: tuple[int, ...]
    values: Rows


def known_readings(key: str, steps: Sequence[int], values: Vector) -> Iterator[Readings]:
    """Yield the values of one key that are known.

    Args:
        key: The metric key.
        steps: Step of each value.
        values: Shape `(n,)`: NaN where nothing is known.
    """
    is_known = ~np.isnan(values)
    if is_known.any():
        at = tuple(itertools.compress(steps, is_known))
        yield Readings((key,), at, values[is_known, np.newaxis])


def single_readings(samples: Sequence[FetchedSample]) -> Iterator[Readings]:
    """Yield what samples hold in single numbers that are known as they are."""
    found: dict[str, list[tuple[int, float]]] = {}
    for sample in samples:
        for key, value in sample.units:
            found.setdefault(key, []).append((sample.step, value))
        if sample.carried is not None:
            own = found.setdefault(keys.CARRIED_GRADIENT, [])
            own.append((sample.step, float(sample.carried[0])))
    for key, pairs in found.items():
        steps, values = zip(*pairs, strict=True)
        yield Readings((key,), steps, np.array(values, dtype=np.float64)[:, np.newaxis])
