"""What the machine said of a run: the time of the loop, its memory, its accelerators."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tuneguard import keys
from tuneguard.history import RunHistory, Series

FloatArray = NDArray[np.float64]

_GPU = re.compile(rf"^({keys.PREFIX})?{keys.SYSTEM}/gpu_(\d+)_(.+)$")


def signal(history: RunHistory, key: str) -> Series | None:
    """Return the finite points of what the recorder writes under `key`, or `None`.

    A key that the run had already is the recorder's with a prefix.

    >>> points = {"tuneguard/time/step_seconds": [(0, 0.1), (1, float("nan"))]}
    >>> len(signal(RunHistory.from_series(points), "time/step_seconds"))
    1
    """
    for name in (f"{keys.PREFIX}{key}", key):
        series = history.series.get(name)
        if series is not None and series.is_finite.any():
            return series.finite()
    return None


def gpu_signals(history: RunHistory, quantity: str) -> dict[int, Series]:
    """Return the finite points of one quantity of each GPU, by its number.

    MLflow's own system metrics and the recorder's have the same keys.

    Args:
        history: The run.
        quantity: `utilization_percentage`, `memory_usage_percentage` or `memory_usage_megabytes`.

    >>> points = {"system/gpu_1_utilization_percentage": [(0, 90.0)]}
    >>> list(gpu_signals(RunHistory.from_series(points), "utilization_percentage"))
    [1]
    """
    found: dict[int, Series] = {}
    for key, series in history.series.items():
        match = _GPU.match(key)
        if match is not None and match[3] == quantity and series.is_finite.any():
            found[int(match[2])] = series.finite()
    return dict(sorted(found.items()))


def loop_seconds(history: RunHistory, series: Series) -> FloatArray | None:
    """Return the seconds of the loop that each point of `series` stands for.

    Args:
        history: The run, with the time of its steps.
        series: Counted in steps.

    Returns:
        Shape `(n,)`, or `None` where the time of a step is not known.
    """
    seconds = signal(history, keys.STEP_SECONDS)
    if seconds is None or len(series) == 0:
        return None
    stood_for: FloatArray = np.interp(series.steps, seconds.steps, seconds.values) * series.weights
    return stood_for


def past_warm_up(series: Series, share: float) -> Series:
    """Return a series without the first `share` of the steps that it covers."""
    first, last = series.span
    return series.where(series.steps >= first + share * (last - first))


def blocks(count: int, most: int) -> list[slice]:
    """Cut `count` points into at most `most` blocks of equally many.

    >>> [(block.start, block.stop) for block in blocks(5, 2)]
    [(0, 2), (2, 5)]
    """
    edges = np.linspace(0, count, min(most, max(count, 1)) + 1).astype(int)
    return [slice(int(a), int(b)) for a, b in pairwise(edges)]
