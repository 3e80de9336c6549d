"""What published detectors read, from what a history holds."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tuneguard import keys
from tuneguard.history import Role, RunHistory, Series

FloatArray: TypeAlias = NDArray[np.float64]
BoolArray: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Epochs:
    """One row for each validation; all arrays have shape `(n,)`.

    Attributes:
        positions: How far into the run the validation was.
        train: Mean training loss since the validation before; NaN where there was none.
        validation: Validation loss.
        accuracy: Validation accuracy, or `None`.
        train_accuracy: Training accuracy, or `None`: the callback measures none.
    """

    positions: FloatArray
    train: FloatArray
    validation: FloatArray
    accuracy: FloatArray | None
    train_accuracy: FloatArray | None


def epochs_of(history: RunHistory) -> Epochs | None:
    """Return the rows that a log of one line an epoch would have; `None` without validation."""
    validation = history.get(Role.VALIDATION_LOSS)
    if validation is None or len(validation) == 0:
        return None
    at = validation.positions
    return Epochs(
        at,
        _means_until(at, history.get(Role.TRAIN_LOSS)),
        validation.values,
        _accuracy(history, "validation", at),
        _accuracy(history, "train", at),
    )


def _means_until(at: FloatArray, series: Series | None) -> FloatArray:
    means = np.full(len(at), np.nan)
    if series is None or len(series) == 0:
        return means
    ends = np.searchsorted(series.positions, at, side="right")
    for row, (start, end) in enumerate(zip(np.append(0, ends[:-1]), ends, strict=True)):
        if end > start:
            with np.errstate(over="ignore", invalid="ignore"):
                means[row] = np.mean(series.values[start:end])
    return means


def _accuracy(history: RunHistory, split: str, at: FloatArray) -> FloatArray | None:
    metrics = (one for one in history.metrics if one.split == split and "acc" in one.name)
    metric = next(metrics, None)
    if metric is None or len(history.series[metric.key]) == 0:
        return None
    return _means_until(at, history.series[metric.key])


@dataclass(frozen=True, eq=False)
class Checks:
    """A series summed up for detectors that look now and then.

    Attributes:
        positions: Shape `(n,)`: how far into the run each look is.
        values: Shape `(n,)`: mean of what was measured since the look before.
    """

    positions: FloatArray
    values: FloatArray


def checks_of(series: Series, every: int) -> Checks:
    """Look at a series every so many of its steps; looks at which nothing is new are left out."""
    if len(series) == 0:
        return Checks(np.empty(0), np.empty(0))
    first = np.flatnonzero(np.diff(series.steps // every, prepend=-1.0) > 0)
    counts = np.diff(np.append(first, len(series)))
    with np.errstate(over="ignore", invalid="ignore"):
        sums = np.add.reduceat(series.values, first)
    return Checks(series.positions[first + counts - 1], sums / counts)


def mean_gradients(history: RunHistory) -> dict[str, Series]:
    """Return for each layer the root mean square of its gradient, in place of its mean size.

    The mean size of an entry is at most that: for a normal distribution four fifths of it.

    Returns:
        Nothing where the sizes of the layers are not known.
    """
    sizes = {keys.safe(name): size for name, size in _layer_sizes(history).items() if size > 0}
    return {
        layer: replace(norm, values=norm.values / np.sqrt(sizes[layer]))
        for layer, norm in history.of_layers(keys.GRADIENT_NORM).items()
        if layer in sizes
    }


def _layer_sizes(history: RunHistory) -> dict[str, int]:
    for name in ("layer_sizes", f"{keys.PREFIX}layer_sizes"):
        if name in history.params:
            return dict(json.loads(history.params[name]))
    return {}


def first_position(positions: FloatArray, fires: BoolArray) -> float | None:
    """Return where `fires`, of the shape of `positions`, first holds."""
    return float(positions[np.argmax(fires)]) if fires.any() else None


def first_run(fires: BoolArray, length: int) -> BoolArray:
    """Return where `fires`, of shape `(n,)`, has held `length` times in succession."""
    if len(fires) < length:
        return np.zeros(len(fires), dtype=np.bool_)
    windows = np.lib.stride_tricks.sliding_window_view(fires, length)
    return np.append(np.zeros(length - 1, dtype=np.bool_), windows.all(axis=1))


def earliest(positions: list[float | None]) -> float | None:
    """Return the smallest that is not `None`."""
    return min((one for one in positions if one is not None), default=None)
