"""Extrapolation: how often its interval holds the truth, and when it says nothing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from tuneguard.statistics.extrapolation import extrapolate, late_pace

SEEDS = range(40)


def correlated(seed: int, count: int, phi: float) -> np.ndarray:
    shocks = np.random.default_rng(seed).normal(size=count + 200) * np.sqrt(1.0 - phi**2)
    return lfilter([1.0], [1.0, -phi], shocks)[200:]


def exponential(at: np.ndarray) -> np.ndarray:
    return np.exp(-at)


def power_law(at: np.ndarray) -> np.ndarray:
    return (1.0 + 10.0 * at) ** -0.5


@pytest.mark.parametrize("curve", [exponential, power_law])
@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("count", [30, 300])
def test_the_interval_holds_the_true_gain(curve: object, phi: float, count: int) -> None:
    assert callable(curve)
    at = np.arange(1.0, count + 1.0)
    truth = float(curve(np.array([1.0]))[0] - curve(np.array([2.0]))[0])
    held = 0
    for seed in SEEDS:
        values = curve(at / count) + 0.01 * correlated(seed, count, phi)
        ahead = extrapolate(at, values, 2.0 * count)
        held += ahead is not None and ahead.low <= truth <= ahead.high
    assert held >= 0.75 * len(SEEDS)


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("count", [10, 100, 1000])
def test_noise_alone_promises_no_gain(phi: float, count: int) -> None:
    at, alarms = np.arange(1.0, count + 1.0), 0
    for seed in range(200):
        values = correlated(seed, count, phi)
        ahead = extrapolate(at, values, 2.0 * count)
        alarms += ahead is not None and ahead.low >= 0.25 * np.ptp(values)
    assert alarms <= 2


@pytest.mark.parametrize(("factor", "shift"), [(1e3, 0.0), (1e-3, -50.0), (1.0, 50.0)])
def test_the_unit_of_the_values_scales_the_gain(factor: float, shift: float) -> None:
    at = np.arange(1.0, 101.0)
    values = exponential(at / 100.0) + 0.01 * correlated(0, 100, 0.5)
    plain, other = extrapolate(at, values, 200.0), extrapolate(at, factor * values + shift, 200.0)
    assert plain is not None
    assert other is not None
    assert other.gain == pytest.approx(factor * plain.gain, rel=1e-6)
    assert other.floor == pytest.approx(factor * plain.floor + shift, rel=1e-6)


@pytest.mark.parametrize(
    "values",
    [
        np.full(50, 2.3),
        np.linspace(1.0, 2.0, 50),
        np.where(np.arange(50) % 2, 2.3, 0.1),
        np.linspace(2.0, 1.0, 6),
    ],
    ids=["constant", "rising", "alternating", "too few"],
)
def test_what_does_not_saturate_is_not_extrapolated(values: np.ndarray) -> None:
    assert extrapolate(np.arange(len(values), dtype=float), values, 100.0) is None


def test_the_past_is_no_horizon() -> None:
    at = np.arange(1.0, 51.0)
    assert extrapolate(at, exponential(at / 50.0), 50.0) is None


def test_the_pace_of_a_straight_fall_is_its_slope() -> None:
    at = np.arange(0.0, 50.0, 10.0)
    pace = late_pace(at, 5.0 - 0.1 * at)
    assert pace is not None
    assert (pace.fall, pace.kept, pace.drop) == pytest.approx((4.0, 1.0, 2.0))


def test_there_is_no_late_pace_without_new_lows() -> None:
    assert late_pace(np.arange(4.0), -np.arange(4.0)) is None
    assert late_pace(np.arange(6.0), np.array([3.0, 0.0, 2.0, 1.5, 1.0, 0.5])) is None
    assert late_pace(np.arange(6.0), np.array([3.0, 2.0, 1.0, 0.5, 0.6, 0.4])) is None
