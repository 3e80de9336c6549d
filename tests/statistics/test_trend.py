"""Trend: against all pairs of points, and its false alarms under noise that remembers."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import stats
from scipy.signal import lfilter

from tuneguard.history import Series
from tuneguard.statistics.curve import course
from tuneguard.statistics.trend import trend


def correlated(seed: int, count: int, phi: float) -> np.ndarray:
    shocks = np.random.default_rng(seed).normal(size=count + 200) * np.sqrt(1.0 - phi**2)
    return lfilter([1.0], [1.0, -phi], shocks)[200:]


@pytest.mark.parametrize("seed", range(5))
def test_the_slope_is_the_median_of_all_pairs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, values = np.cumsum(rng.uniform(0.5, 2.0, 30)), rng.normal(size=30)
    slopes = [(values[j] - values[i]) / (x[j] - x[i]) for i, j in combinations(range(len(x)), 2)]
    assert trend(x, values).change == pytest.approx(np.median(slopes) * (x[-1] - x[0]))


@pytest.mark.parametrize("seed", range(5))
def test_the_statistic_is_that_of_mann_and_kendall(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = 60
    values = rng.normal(size=count) + 0.02 * np.arange(count)
    score = sum(np.sign(values[j] - values[i]) for i, j in combinations(range(count), 2))
    deviation = np.sqrt(count * (count - 1) * (2 * count + 5) / 18.0)
    z = trend(np.arange(float(count)), values).z
    # two continuous approximations of one discrete distribution
    assert z == pytest.approx((score - np.sign(score)) / deviation, abs=0.06)


@pytest.mark.parametrize("count", [3, 5, 20, 33, 34, 80])
@pytest.mark.parametrize("decimals", [0, 9])
@pytest.mark.parametrize("seed", range(3))
def test_the_statistic_has_the_probability_of_kendalls_tau(
    count: int, decimals: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    x = np.arange(float(count))
    values = np.round(rng.normal(size=count) + 0.05 * x, decimals)
    values[0] -= 1.0
    expected = stats.kendalltau(x, values)
    z = trend(x, values).z
    assert stats.norm.sf(abs(z)) == pytest.approx(expected.pvalue / 2.0)
    assert z * expected.statistic >= 0.0


@pytest.mark.parametrize(("factor", "sign"), [(1e3, 1), (-1e-3, -1)])
def test_scaling_and_shifting_keep_the_statistic(factor: float, sign: int) -> None:
    x, values = np.arange(40.0), correlated(0, 40, 0.5)
    plain, changed = trend(x, values), trend(x, factor * values - 50.0 * abs(factor))
    assert changed.z == pytest.approx(sign * plain.z)
    assert changed.change == pytest.approx(factor * plain.change)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0], [3.0] * 10])
def test_too_few_or_constant_points_have_no_trend(values: list[float]) -> None:
    found = trend(np.arange(float(len(values))), np.array(values))
    assert (found.change, found.z) == (0.0, 0.0)


def test_a_perfect_trend_is_finite() -> None:
    assert np.isfinite(trend(np.arange(2_000.0), np.arange(2_000.0)).z)


@pytest.mark.parametrize(("phi", "most"), [(0.0, 0.02), (0.3, 0.02), (0.6, 0.02), (0.9, 0.04)])
def test_block_medians_give_few_false_alarms_at_three_deviations(phi: float, most: float) -> None:
    alarms = 0
    for seed in range(200):
        series = Series.from_arrays("loss", np.arange(600.0), correlated(seed, 600, phi))
        curve = course(series)
        assert curve is not None
        alarms += abs(trend(np.arange(30.0), curve.levels).z) >= 3.0
    assert alarms / 200 <= most


def test_single_points_would_give_many_which_is_why_blocks_are_used() -> None:
    x = np.arange(100.0)
    alarms = sum(abs(trend(x, correlated(seed, 100, 0.6)).z) >= 1.96 for seed in range(100))
    assert alarms >= 20
