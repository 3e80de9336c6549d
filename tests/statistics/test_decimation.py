"""Decimation: few points, and none that matters is lost."""

from __future__ import annotations

import numpy as np
import pytest

from tuneguard.statistics.decimation import decimate


@pytest.mark.parametrize("count", [401, 1_000, 12_345])
@pytest.mark.parametrize("seed", range(3))
def test_few_points_are_left_with_both_extremes(count: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=count)
    steps, kept = decimate(np.arange(float(count)), values, 400)
    assert len(steps) == len(kept) <= 400
    assert (kept.min(), kept.max()) == (values.min(), values.max())
    assert (np.diff(steps) > 0.0).all()


@pytest.mark.parametrize("at", [0, 1, 577, 9_999])
@pytest.mark.parametrize("value", [1e9, -1e9, np.nan, np.inf, -np.inf])
def test_a_single_odd_point_is_kept(at: int, value: float) -> None:
    values = np.zeros(10_000)
    values[at] = value
    steps, kept = decimate(np.arange(10_000.0), values, 400)
    np.testing.assert_array_equal(kept[steps == at], [value])


@pytest.mark.parametrize("every", [1, 2, 50])
def test_many_bad_values_stay_bounded(every: int) -> None:
    values = np.random.default_rng(0).normal(size=10_000)
    values[::every] = np.nan
    steps, kept = decimate(np.arange(10_000.0), values, 400)
    assert len(steps) <= 600
    assert np.isnan(kept).any()


@pytest.mark.parametrize("count", [0, 1, 400])
def test_a_short_series_is_left_as_it_is(count: int) -> None:
    values = np.arange(float(count))
    assert decimate(values, values, 400)[1] is values
