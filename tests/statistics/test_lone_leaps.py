"""Single points far above both of their neighbours."""

from __future__ import annotations

import numpy as np
import pytest

from tuneguard.statistics.lone_leaps import lone_leaps


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e3])
def test_leaps_that_recur_are_found_in_any_unit(unit: float) -> None:
    values = unit * np.exp(0.1 * np.random.default_rng(0).normal(size=500))
    values[7::25] *= 5.0
    found, share = lone_leaps(values, min_ratio=2.0, min_z=6.0, min_height=np.zeros(500))
    assert found.first.tolist() == list(range(7, 500, 25))
    assert share == 1.0
    assert np.median(found.ratio) > 3.0 * found.next_ratio


def test_points_that_leap_together_are_not_alone() -> None:
    values = np.exp(0.1 * np.random.default_rng(0).normal(size=500))
    values[[100, 101, 200, 201, 300]] *= 5.0
    found, share = lone_leaps(values, min_ratio=2.0, min_z=6.0, min_height=np.zeros(500))
    assert found.first.tolist() == [300]
    assert share == pytest.approx(0.2)


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9])
def test_noise_by_a_factor_hardly_ever_leaps_five_times(phi: float) -> None:
    flagged = 0
    for seed in range(100):
        shocks = np.random.default_rng(seed).normal(size=1000) * np.sqrt(1.0 - phi**2)
        noise = np.zeros(1000)
        for i in range(1, 1000):
            noise[i] = phi * noise[i - 1] + shocks[i]
        values = np.exp(0.4 * noise) * np.geomspace(1.0, 0.05, 1000)
        found, _ = lone_leaps(values, min_ratio=2.0, min_z=6.0, min_height=np.zeros(1000))
        flagged += len(found.first) >= 5
    assert flagged == 0


def test_a_loss_that_leaps_nowhere_has_no_share() -> None:
    found, share = lone_leaps(np.ones(60), min_ratio=2.0, min_z=6.0, min_height=np.zeros(60))
    assert (len(found.first), share) == (0, 0.0)
