"""A series is sorted, has each step once, and cannot be changed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tuneguard.exceptions import HistoryFormatError
from tuneguard.history import RunHistory, Sampling, Series


def test_non_finite_values_are_kept() -> None:
    series = Series.from_points("loss", [(0, "nan"), (1, math.inf), (2, 1.0)])
    assert series.is_finite.tolist() == [False, False, True]
    assert series.finite().steps.tolist() == [2.0]


def test_a_point_without_a_step_is_dropped() -> None:
    assert len(Series.from_points("loss", [(math.nan, 1.0), (0, 1.0)])) == 1


def test_arrays_and_points_make_the_same_series() -> None:
    points = [(0, 1.0), (1, 0.5), (1, 0.25)]
    from_points = Series.from_points("loss", points)
    from_arrays = Series.from_arrays("loss", np.array([0, 1, 1]), np.array([1.0, 0.5, 0.25]))
    assert from_arrays.steps.tolist() == from_points.steps.tolist() == [0.0, 1.0]
    assert from_arrays.values.tolist() == from_points.values.tolist() == [1.0, 0.25]


def test_a_series_cannot_be_changed() -> None:
    series = Series.from_points("loss", [(0, 1.0)])
    with pytest.raises(ValueError, match="read-only"):
        series.values[0] = 2.0


@pytest.mark.parametrize("points", [[("a", 1.0)], [(0, None)], [(0, [1.0])]])
def test_what_is_no_pair_of_numbers_is_refused(points: list[tuple[object, object]]) -> None:
    with pytest.raises(HistoryFormatError, match="'loss'"):
        Series.from_points("loss", points)


def test_a_summary_of_strides_is_thinned() -> None:
    series = Series.from_points("loss", [(0, 1.0), (1, 1.0)], thinned=True)
    assert series.sampling is Sampling.THINNED


def test_a_point_stands_for_the_steps_around_it() -> None:
    every = Series.from_points("norm", [(step, 1.0) for step in range(7)])
    stride = Series.from_points("norm", [(step, 1.0) for step in range(0, 70, 10)])
    pairs = Series.from_points("norm", [(step, 1.0) for step in (0, 1, 2, 20, 21, 50, 51)])
    assert every.weights.tolist() == [1.0] * 7
    assert stride.weights.tolist() == [10.0] * 7
    assert pairs.weights.tolist() == [1.0, 1.0, 9.5, 9.5, 15.0, 15.0, 15.0]
    assert [len(Series.from_points("norm", [(3, 1.0)] * n).weights) for n in range(2)] == [0, 1]


def test_a_part_of_a_series_stands_for_no_more_than_it_did() -> None:
    points = [(step, math.nan if 10 <= step < 90 else 1.0) for step in range(100)]
    assert Series.from_points("norm", points).finite().weights.tolist() == [1.0] * 20


def test_a_span_is_the_first_and_the_last_step() -> None:
    assert Series.from_points("loss", [(4, 1.0), (9, 1.0)]).span == (4.0, 9.0)
    assert Series.from_points("loss", []).span == (0.0, 0.0)


def test_a_dense_start_with_a_few_pairs_after_it_has_no_stride() -> None:
    steps = [*range(200), 310, 311, 590, 591, 700, 701, 980, 981]
    series = Series.from_points("norm", [(step, 1.0) for step in steps])
    assert series.sampling is Sampling.BURSTS


def test_a_stride_with_a_point_too_many_is_a_stride() -> None:
    series = Series.from_points("norm", [(step, 1.0) for step in [*range(0, 1000, 50), 999]])
    assert series.sampling is Sampling.STRIDE


def test_a_resume_is_noted() -> None:
    history = RunHistory.from_series({"loss": [(0, 3.0), (1, 2.0), (2, 9.0), (1, 1.0)]})
    assert history.series["loss"].values.tolist() == [3.0, 1.0]
    assert history.series["loss"].rewound_at == (1.0,)
    assert any("went back to step 1" in note for note in history.notes)


def test_a_history_of_nothing_is_a_history() -> None:
    history = RunHistory.from_series({})
    assert (history.last_step, history.roles, history.notes) == (0.0, {}, ())


def test_points_logged_without_a_step_are_named():
    history = RunHistory.from_series({"train_loss": [(0, 1.0 / step) for step in range(1, 50)]})

    assert any("'train_loss'" in note and "step=" in note for note in history.notes)
