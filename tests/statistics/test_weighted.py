"""Weighted percentiles: NumPy's where weights are equal, and right where sampling is uneven."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from tuneguard.history import Series
from tuneguard.recording.schedule import Look, Schedule
from tuneguard.statistics.weighted import weighted_median, weighted_percentile

STEPS = 20_000


@pytest.mark.parametrize("count", [1, 2, 3, 10, 101])
@pytest.mark.parametrize("percent", [0.0, 10.0, 50.0, 90.0, 100.0])
@pytest.mark.parametrize("weight", [0.01, 1.0, 50.0])
def test_equal_weights_change_nothing(count: int, percent: float, weight: float) -> None:
    values = np.random.default_rng(count).normal(size=count)
    found = weighted_percentile(values, np.full(count, weight), percent)
    assert found == pytest.approx(np.percentile(values, percent), rel=1e-12)


@pytest.mark.parametrize("percent", [10.0, 50.0, 90.0])
def test_a_weight_is_how_often_a_value_counts(percent: float) -> None:
    rng = np.random.default_rng(0)
    values, weights = rng.normal(size=2_000), rng.integers(1, 30, size=2_000)
    repeated = np.percentile(np.repeat(values, weights), percent)
    found = weighted_percentile(values, weights.astype(float), percent)
    assert found == pytest.approx(repeated, abs=0.005)


def logarithms_of_norms(seed: int, phi: float) -> np.ndarray:
    """A norm that settles at a tenth of its start within 300 steps, in noise with memory."""
    shocks = np.random.default_rng(seed).normal(size=STEPS + 200) * np.sqrt(1.0 - phi**2)
    noise = 0.5 * lfilter([1.0], [1.0, -phi], shocks)[200:]
    return noise + 2.3 * np.exp(-np.arange(STEPS) / 300.0)


@pytest.mark.parametrize("phi", [0.0, 0.6, 0.9])
@pytest.mark.parametrize("stride", [20, 60, 200])
def test_a_dense_start_and_sparse_pairs_show_the_level_of_the_whole(
    phi: float, stride: int
) -> None:
    schedule = Schedule(stride=stride)
    steps = np.array([step for step in range(STEPS) if schedule.look(step) is Look.SAMPLE])
    errors, plain_errors = [], []
    for seed in range(20):
        logs = logarithms_of_norms(seed, phi)
        series = Series.from_arrays("norm", steps, logs[steps])
        whole = float(np.median(logs))
        errors.append(weighted_median(series.values, series.weights) - whole)
        plain_errors.append(float(np.median(series.values)) - whole)
    # pairs of correlated points hardly count twice; a median of n has 1.2533 sigma / sqrt(n)
    error_of_one = 1.2533 * 0.5 / np.sqrt(STEPS / stride)
    assert abs(np.mean(errors)) < 3.0 * error_of_one / np.sqrt(20)
    assert np.std(errors) < 1.5 * error_of_one
    if stride == 200:
        assert np.mean(plain_errors) > 5.0 * error_of_one
