from __future__ import annotations

import math

import numpy as np
import pytest

from tuneguard import keys
from tuneguard.spool.charts import (
    INITIAL_CREDIT,
    LAYER_SHARE,
    POINTS_PER_SECOND,
    ChartPoint,
    ChartReducer,
)
from tuneguard.spool.columns import Columns


def series(
    key: str, steps: range, milliseconds: float, values: np.ndarray | None = None
) -> Columns:
    number = np.arange(steps.start, steps.stop, dtype=np.int64)
    return Columns(
        (key,),
        np.zeros(len(number), dtype=np.int32),
        number,
        (number * milliseconds).astype(np.int64),
        number.astype(float) if values is None else values,
    )


def charted(reducer: ChartReducer, *batches: Columns) -> dict[str, list[ChartPoint]]:
    points = [point for batch in batches for point in reducer.add(batch)] + reducer.finish()
    found: dict[str, list[ChartPoint]] = {}
    for point in points:
        found.setdefault(point.key, []).append(point)
    return found


def test_a_short_series_is_charted_whole() -> None:
    points = charted(ChartReducer(), series(keys.TRAIN_LOSS, range(500), 1.0))
    assert [point.step for point in points[keys.TRAIN_LOSS]] == list(range(500))
    assert set(points) == {keys.TRAIN_LOSS}


def test_a_window_is_its_median_and_its_maximum() -> None:
    values = np.zeros(1030)
    values[1024:] = [1.0, 3.0, 5.0, 5.0, 2.0, 90.0]
    points = charted(ChartReducer(credit=10**6), series(keys.TRAIN_LOSS, range(1030), 1.0, values))
    assert [point.value for point in points[keys.TRAIN_LOSS][-3:]] == [2.0, 5.0, 46.0]
    maxima = points[keys.TRAIN_LOSS + keys.MAXIMUM_SUFFIX]
    assert [(point.step, point.value) for point in maxima] == [
        (1025, 3.0),
        (1027, 5.0),
        (1029, 90.0),
    ]


def test_a_long_series_stays_below_ten_thousand_points() -> None:
    reducer = ChartReducer(rate=1e9, credit=10**9)
    batches = (series("a", range(at, at + 10_000), 1.0) for at in range(0, 1_000_000, 10_000))
    points = charted(reducer, *batches)
    assert len(points["a"]) < 10_000


def test_the_rate_is_bounded_and_layers_have_their_share() -> None:
    reducer = ChartReducer()
    names = [keys.TRAIN_LOSS, *(f"{keys.GRADIENT_NORM}/{layer}" for layer in range(30))]
    batches = (
        series(name, range(at, at + 50), 2.0) for at in range(0, 30_000, 50) for name in names
    )
    points = charted(reducer, *batches)
    total = sum(len(found) for found in points.values())
    of_layers = sum(len(found) for key, found in points.items() if key.startswith("gradient_norm"))
    assert total <= INITIAL_CREDIT + 60 * POINTS_PER_SECOND + 3 * len(names)
    assert of_layers <= LAYER_SHARE * (INITIAL_CREDIT + 60 * POINTS_PER_SECOND) + 3 * len(names)


def test_a_rare_series_keeps_every_point() -> None:
    reducer = ChartReducer(credit=0)
    for at in range(0, 2000, 50):
        reducer.add(series(keys.TRAIN_LOSS, range(at, at + 50), 2.0))
    rare = Columns.from_rows([(keys.VALIDATION_LOSS, 2000, 4000, 0.5)])
    assert ChartPoint(keys.VALIDATION_LOSS, 2000, 4000, 0.5) in reducer.add(rare)


def test_what_is_not_finite_is_counted() -> None:
    values = np.array([1.0, math.nan, math.inf, 2.0])
    points = charted(ChartReducer(), series("a", range(4), 1.0, values))
    assert [point.value for point in points["a"]] == [1.0, 2.0]
    assert points[keys.NON_FINITE] == [ChartPoint(keys.NON_FINITE, 2, 2, 2.0)]


def test_a_packet_of_nothing_finite_leaves_the_window_before_it_as_it_is() -> None:
    reducer, few = ChartReducer(), range(INITIAL_CREDIT + 30, INITIAL_CREDIT + 33)
    points = charted(
        reducer,
        series(keys.TRAIN_LOSS, range(INITIAL_CREDIT + 30), 1.0),
        series(keys.TRAIN_LOSS, few, 1.0, np.full(3, math.nan)),
    )
    assert points[keys.TRAIN_LOSS][-1].step == INITIAL_CREDIT + 29
    assert [point.value for point in points[keys.NON_FINITE]] == [3.0]


@pytest.mark.parametrize("size", [1, 7, 300])
def test_packets_make_no_difference(size: int) -> None:
    whole = charted(ChartReducer(), series("a", range(3000), 1.0))
    cut = (series("a", range(at, min(at + size, 3000)), 1.0) for at in range(0, 3000, size))
    assert charted(ChartReducer(), *cut) == whole


def test_counts_of_shared_samples_leave_the_other_charts_as_they_are() -> None:
    losses = [series(keys.TRAIN_LOSS, range(at, at + 50), 2.0) for at in range(0, 30_000, 50)]
    counts = [
        series(key, range(7, 8), 2.0) for key in keys.METRIC_KEYS if key.startswith("splits")
    ]
    alone, beside = charted(ChartReducer(), *losses), charted(ChartReducer(), *counts, *losses)
    assert beside[keys.TRAIN_LOSS] == alone[keys.TRAIN_LOSS]
    assert beside[keys.VALIDATION_SAMPLES] == [ChartPoint(keys.VALIDATION_SAMPLES, 7, 14, 7.0)]
