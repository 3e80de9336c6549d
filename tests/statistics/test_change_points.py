"""Change points: where they are known, and where there are none."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import lfilter

from tuneguard.statistics.change_points import change_points


def noise(seed: int, count: int, phi: float = 0.0) -> NDArray[np.float64]:
    shocks = np.random.default_rng(seed).normal(size=count + 200) * np.sqrt(1.0 - phi**2)
    return np.asarray(lfilter([1.0], [1.0, -phi], shocks)[200:])


@pytest.mark.parametrize("count", [60, 600, 20_000])
def test_steps_are_found_to_within_a_block(count: int) -> None:
    at = np.array([count // 3, count // 2])
    levels = np.array([0.0, 4.0, -2.0])[np.searchsorted(at, np.arange(count), side="right")]
    found = change_points(noise(0, count) * 0.5 + levels)
    assert len(found) == 2
    assert np.abs(found - at).max() <= max(1, count // 100)


def test_a_bend_is_a_change_of_the_line_and_not_of_the_level() -> None:
    index = np.arange(600)
    bent = np.where(index < 200, -0.05 * index, -10.0) + 0.3 * noise(1, 600)
    found = change_points(bent, degree=1)
    assert len(found) == 1
    assert abs(found[0] - 200) <= 20
    assert len(change_points(-0.05 * index + 0.3 * noise(1, 600), degree=1)) == 0


@pytest.mark.parametrize("degree", [0, 1])
@pytest.mark.parametrize(("phi", "most"), [(0.0, 1), (0.5, 2), (0.9, 7)])
def test_noise_alone_hardly_ever_changes(degree: int, phi: float, most: int) -> None:
    changed = [len(change_points(noise(seed, 300, phi), degree=degree)) > 0 for seed in range(40)]
    assert sum(changed) <= most


@pytest.mark.parametrize(
    ("factor", "shift"), [(1e3, 0.0), (1e-3, 0.0), (1.0, -50.0), (1e150, 0.0)]
)
def test_the_unit_does_not_matter(factor: float, shift: float) -> None:
    values = noise(2, 400) + np.where(np.arange(400) < 150, 0.0, 5.0)
    moved = change_points(factor * values + shift)
    assert moved.tolist() == change_points(values).tolist()


def test_wild_points_have_no_say() -> None:
    values = noise(3, 60)
    values[[10, 40]] = 500.0
    assert len(change_points(values)) == 0


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0, 1.0], [2.0] * 50])
def test_short_and_constant_series_do_not_change(values: list[float]) -> None:
    assert change_points(np.array(values)).tolist() == []


def test_a_step_without_any_noise_is_found() -> None:
    assert change_points(np.repeat([1.0, 0.0], 30)).tolist() == [30]
