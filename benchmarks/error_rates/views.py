"""One training in the three forms in which a run may be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from benchmarks.error_rates.cache import Kept
from tuneguard import RunHistory, Series, keys
from tuneguard.history import Axis
from tuneguard.spool.charts import ChartPoint, ChartReducer
from tuneguard.spool.columns import Columns

_PACKET_STEPS = 50
_SLOWER = 100.0
_LOGGED = {"learning_rate": "lr", "batch_size": "batch_size", "optimizer": "optimizer"}


def recorded(kept: Kept) -> RunHistory:
    """Return the run as `load_run` reads it from the callback's record.

    The models are small, so that thousands can be trained: to the rules a step lasts a hundred
    times as long as it did. Of waits that cost less than half a minute, none would speak.
    """
    series = {
        key: Series.from_arrays(key, own.steps, own.values * _unit(key))
        for key, own in kept.columns.by_key()
    }
    return RunHistory.from_series(
        series,
        params=kept.params,
        status="finished",
        planned_steps=kept.planned_steps,
        higher_is_better=kept.higher_is_better,
        layers=kept.layers,
        source="record",
    )


def metrics(kept: Kept) -> RunHistory:
    """Return the run as its metrics in MLflow tell it, where the record is gone.

    They are the points that the callback would chart, were a step to last half a second: of
    what is measured often, medians of windows; nothing that is not finite.
    """
    points: dict[str, list[ChartPoint]] = {}
    for point in _charted(kept.columns):
        points.setdefault(point.key, []).append(point)
    series = {
        key: Series.from_points(
            key,
            [(point.step, point.value) for point in own],
            thinned=f"{key}{keys.MAXIMUM_SUFFIX}" in points,
        )
        for key, own in points.items()
    }
    return RunHistory.from_series(
        series,
        params={f"{keys.PREFIX}{name}": value for name, value in kept.params.items()},
        status="finished",
        source="metrics",
    )


def epochs(kept: Kept) -> RunHistory:
    """Return the run as autologging stores it: rows of one an epoch, and what a user logs.

    An epoch is what lies between two validations. A row has the mean training loss of the epoch,
    the loss and the metric of the validation, and the learning rate of the last step.
    """
    by_key = dict(kept.columns.by_key())
    ends = by_key[keys.VALIDATION_LOSS].steps
    series = {
        "train_loss": _epoch_means(by_key[keys.TRAIN_LOSS], ends),
        "learning_rate": _last_before(by_key[f"{keys.LEARNING_RATE}/0"], ends),
    }
    for key, own in by_key.items():
        if key.startswith(f"{keys.VALIDATION}/"):
            series[key.replace(f"{keys.VALIDATION}/", "val_")] = own.values
    logged = {name: kept.params[fact] for fact, name in _LOGGED.items() if fact in kept.params}
    return RunHistory.from_series(
        {
            key: Series.from_arrays(key, np.arange(len(values)), values, axis=Axis.EPOCH)
            for key, values in series.items()
        },
        params={**logged, "epochs": len(ends)},
        axis="epoch",
        status="finished",
        source="metrics",
    )


VIEWS: Mapping[str, Callable[[Kept], RunHistory]] = {
    "recorded": recorded,
    "metrics": metrics,
    "epochs": epochs,
}
"""Forms of a run by name: what the callback records, its charts alone, rows of one an epoch."""


def _unit(key: str) -> float:
    return _SLOWER if key == keys.STEP_SECONDS else 1.0


def _charted(columns: Columns) -> Iterator[ChartPoint]:
    reducer = ChartReducer()
    for first in range(0, int(columns.steps.max()) + 1, _PACKET_STEPS):
        is_in_packet = (columns.steps >= first) & (columns.steps < first + _PACKET_STEPS)
        yield from reducer.add(columns.where(is_in_packet))
    yield from reducer.finish()


def _epoch_means(losses: Columns, ends: np.ndarray) -> np.ndarray:
    """Return the mean of the losses up to each end, the step of which is the last."""
    epoch = np.searchsorted(ends, losses.steps)
    return np.array([losses.values[epoch == one].mean() for one in range(len(ends))])


def _last_before(rates: Columns, ends: np.ndarray) -> np.ndarray:
    return rates.values[np.searchsorted(rates.steps, ends, side="right") - 1]
