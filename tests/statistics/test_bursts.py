"""Bursts: those that are there, and none in noise however long it remembers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from tuneguard.recording.schedule import Look, Schedule
from tuneguard.statistics.bursts import bursts


def norms(seed: int, count: int = 1_000, phi: float = 0.0, size: float = 0.5) -> np.ndarray:
    shocks = np.random.default_rng(seed).normal(size=count + 200) * np.sqrt(1.0 - phi**2)
    return np.exp(size * lfilter([1.0], [1.0, -phi], shocks)[200:])


@pytest.mark.parametrize("seed", range(20))
def test_planted_bursts_are_found_and_nothing_else(seed: int) -> None:
    values, planted = norms(seed, size=0.3), [100, 101, 400, 999]
    values[planted] *= 100.0
    where, ratio = bursts(values, min_ratio=10.0, min_z=6.0)
    assert where.tolist() == planted
    assert (ratio[planted] >= 30.0).all()


def share_of_series_with_a_burst(phi: float, min_ratio: float) -> float:
    series = [norms(seed, phi=phi) for seed in range(100)]
    found = [len(bursts(one, min_ratio=min_ratio, min_z=6.0)[0]) > 0 for one in series]
    return float(np.mean(found))


@pytest.mark.parametrize("phi", [0.0, 0.3])
def test_noise_that_hardly_remembers_never_bursts_threefold(phi: float) -> None:
    assert share_of_series_with_a_burst(phi, 3.0) == 0.0


@pytest.mark.parametrize("phi", [0.0, 0.3, 0.6, 0.9])
def test_noise_of_any_memory_hardly_ever_bursts_tenfold(phi: float) -> None:
    assert share_of_series_with_a_burst(phi, 10.0) <= 0.03


def test_a_ratio_of_three_is_too_little_for_noise_that_remembers() -> None:
    assert share_of_series_with_a_burst(0.9, 3.0) > 0.5


def test_a_slow_climb_is_no_burst() -> None:
    values = norms(0, size=0.2) * np.exp(np.arange(1_000) / 60.0)
    assert len(bursts(values, min_ratio=10.0, min_z=6.0)[0]) == 0


def sampled(stride: int, count: int) -> np.ndarray:
    schedule = Schedule(stride=stride)
    return np.array([step for step in range(count) if schedule.look(step) is Look.SAMPLE])


@pytest.mark.parametrize("phi", [0.0, 0.6, 0.9])
@pytest.mark.parametrize("stride", [20, 60, 200])
def test_noise_sampled_in_pairs_hardly_ever_bursts_tenfold(phi: float, stride: int) -> None:
    steps = sampled(stride, 4_000)
    series = [norms(seed, 4_000, phi)[steps] for seed in range(60)]
    found = [len(bursts(one, steps, min_ratio=10.0, min_z=6.0)[0]) > 0 for one in series]
    assert np.mean(found) <= 0.07


def test_a_climb_that_is_sampled_in_pairs_is_no_burst() -> None:
    steps = sampled(200, 4_000)
    values = norms(0, 4_000, size=0.2) * np.exp(np.arange(4_000) / 800.0)
    assert len(bursts(values[steps], steps, min_ratio=10.0, min_z=6.0)[0]) == 0
    assert len(bursts(values[steps], min_ratio=10.0, min_z=6.0)[0]) > 0


def test_a_burst_in_a_pair_is_found() -> None:
    steps = sampled(200, 4_000)
    values, planted = norms(0, 4_000, size=0.3)[steps], [205, 220]
    values[planted] *= 100.0
    assert bursts(values, steps, min_ratio=10.0, min_z=6.0)[0].tolist() == planted


@pytest.mark.parametrize("factor", [1e-200, 1e3, 1e200])
def test_the_unit_changes_nothing(factor: float) -> None:
    values = norms(0)
    values[500] *= 1e3
    plain, scaled = (bursts(one * values, min_ratio=10.0, min_z=6.0)[0] for one in (1.0, factor))
    assert plain.tolist() == scaled.tolist() == [500]


@pytest.mark.parametrize("count", [0, 1, 4, 5, 6])
def test_short_series_have_no_past_to_burst_from(count: int) -> None:
    where, ratio = bursts(np.ones(count), min_ratio=2.0, min_z=6.0)
    assert len(where) == 0
    assert np.isnan(ratio[:5]).all()


def test_a_value_of_zero_counts_as_tiny_and_raises_nothing() -> None:
    values = np.where(np.arange(100) % 7 == 0, 0.0, 1.0)
    where, ratio = bursts(values, min_ratio=10.0, min_z=6.0)
    assert len(where) == 0
    assert np.isfinite(ratio[5:]).all()
