"""A run's series, put together from its full record and its metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from tuneguard import keys
from tuneguard.history import Series
from tuneguard.storage.record import Record
from tuneguard.storage.system_metrics import count_in_steps, is_system_metric
from tuneguard.storage.written import Written


def named_as_charted(record: Record, charted: Iterable[str]) -> Record:
    """Give a recorded series the key of its chart, where somebody else owns its own.

    Args:
        record: The full record, or an empty one.
        charted: Keys of all metrics of the run.
    """
    present = set(charted)
    moved = {key: f"{keys.PREFIX}{key}" for key in record.points if key in present}
    names = {key: chart for key, chart in moved.items() if chart in present}
    points = {names.get(key, key): points for key, points in record.points.items()}
    return replace(record, points=points)


def keys_to_read(latest: Mapping[str, tuple[int, int]], record: Record) -> dict[str, int]:
    """Choose the metrics that say more than the record does.

    Args:
        latest: Step and timestamp of each metric's latest point.
        record: The full record, or an empty one. While a run is going on its newest part
            may be minutes old; the metrics then know what came after it.

    Returns:
        The metrics to read, with the step of their latest point.
    """
    ends = _ends(record)
    wanted = {
        key: step
        for key, (step, _) in latest.items()
        if step > ends.get(key.removesuffix(keys.MAXIMUM_SUFFIX), -np.inf)
    }
    # the system metrics of MLflow's own monitor are placed by the clock of another series
    if any(map(is_system_metric, wanted)) and keys.TRAIN_LOSS in latest:
        wanted[keys.TRAIN_LOSS] = latest[keys.TRAIN_LOSS][0]
    return wanted


def merged_series(histories: Mapping[str, Written], record: Record) -> dict[str, Series]:
    """Return the record's series, their later points, and what only the metrics have.

    Args:
        histories: The metrics that were read, by key.
        record: The full record, or an empty one.
    """
    ends = _ends(record)
    newer = {
        key: points.after(ends.get(key.removesuffix(keys.MAXIMUM_SUFFIX), -np.inf))
        for key, points in count_in_steps(histories).items()
    }
    series = {
        key: Series.from_arrays(
            key, points.steps, points.values, thinned=_is_thinned(key, histories)
        )
        for key, points in newer.items()
        if len(points.steps) or key not in ends
    }
    for key, (steps, values) in record.points.items():
        tail = newer.get(key)
        if tail is None or not len(tail.steps):
            series[key] = Series.from_arrays(key, steps, values)
            continue
        series[key] = Series.from_arrays(
            key,
            np.concatenate([steps, tail.steps]),
            np.concatenate([values, tail.values]),
            thinned=_is_thinned(key, histories),
        )
    return series


def _ends(record: Record) -> dict[str, float]:
    return {key: float(steps.max()) for key, (steps, _) in record.points.items() if len(steps)}


def _is_thinned(key: str, histories: Mapping[str, Written]) -> bool:
    return f"{key}{keys.MAXIMUM_SUFFIX}" in histories
