"""Swings: against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from tuneguard.statistics.swings import swings


def test_the_amplitude_of_a_sine_is_that_of_its_percentiles() -> None:
    wave = np.sin(2.0 * np.pi * np.arange(2_000) / 100.0)
    # an arcsine distribution has its 10th and 90th percentile at cos(0.1 pi)
    assert swings(3.0 * wave).amplitude == pytest.approx(6.0 * np.cos(0.1 * np.pi), rel=0.01)


def test_the_amplitude_of_normal_noise_is_that_of_its_percentiles() -> None:
    noise = np.random.default_rng(0).normal(size=20_000)
    assert swings(noise).amplitude == pytest.approx(2.0 * 1.2816, rel=0.02)


def test_independent_noise_turns_at_two_points_of_three() -> None:
    noise = np.random.default_rng(1).normal(size=20_000)
    assert swings(noise).turns == pytest.approx(2.0 / 3.0, abs=0.01)


@pytest.mark.parametrize(("factor", "shift", "slope"), [(1e3, 0, 0), (1, -50, 0), (1, 0, 5)])
def test_only_the_factor_changes_the_amplitude(factor: float, shift: float, slope: float) -> None:
    noise = np.random.default_rng(2).normal(size=300)
    moved = swings(factor * noise + shift + slope * np.arange(300))
    assert moved.amplitude == pytest.approx(factor * swings(noise).amplitude)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 9.0, 1.0], [2.0] * 20])
def test_short_and_constant_series_do_not_swing(values: list[float]) -> None:
    found = swings(np.array(values))
    assert (found.amplitude, found.turns) == (pytest.approx(0.0, abs=1e-12), 0.0)
