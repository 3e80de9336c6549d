"""Location and scale: against closed forms and a second, slow implementation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from tuneguard.statistics.robust import (
    difference_scale,
    noise_scale,
    running_median,
    trailing_median,
    usual_gap,
)


@pytest.mark.parametrize("sigma", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("slope", [0.0, 0.02])
def test_the_noise_around_a_trend_is_measured(sigma: float, slope: float) -> None:
    noise = np.random.default_rng(1).normal(size=20_000)
    values = sigma * (noise + slope * np.arange(20_000))
    assert noise_scale(values) == pytest.approx(sigma, rel=0.03)


def test_a_tenth_of_wild_points_hardly_moves_the_scale() -> None:
    values = np.random.default_rng(2).normal(size=20_000)
    values[::10] += 1e9
    assert noise_scale(values) < 1.4


@pytest.mark.parametrize("phi", [0.3, 0.6, 0.9])
def test_differences_of_correlated_noise_show_only_its_fresh_part(phi: float) -> None:
    # an AR(1) series of unit variance has differences of variance 2 (1 - phi)
    rng = np.random.default_rng(3)
    values = np.zeros(40_000)
    for index, shock in enumerate(rng.normal(size=39_999) * np.sqrt(1.0 - phi**2), start=1):
        values[index] = phi * values[index - 1] + shock
    assert noise_scale(values) == pytest.approx(np.sqrt(1.0 - phi), rel=0.05)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_few_points_have_no_noise(count: int) -> None:
    assert noise_scale(np.arange(float(count)) ** 2) == 0.0


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 7, 50])
@pytest.mark.parametrize("window", [1, 3, 5, 9])
def test_the_running_median_is_that_of_each_neighbourhood(count: int, window: int) -> None:
    values = np.random.default_rng(count).normal(size=count)
    half = window // 2
    slow = [np.median(values[max(0, i - half) : i + half + 1]) for i in range(count)]
    assert running_median(values, window).tolist() == slow


@pytest.mark.parametrize("count", [0, 1, 5, 6, 49, 50, 51, 200])
@pytest.mark.parametrize(("window", "minimum"), [(50, 5), (2, 1), (5, 5)])
def test_the_trailing_median_looks_only_back(count: int, window: int, minimum: int) -> None:
    values = np.random.default_rng(count).normal(size=count)
    slow = [
        np.median(values[max(0, i - window) : i]) if i >= minimum else np.nan for i in range(count)
    ]
    np.testing.assert_array_equal(trailing_median(values, window, minimum), slow)


@pytest.mark.parametrize("minimum", [1, 5])
def test_where_points_are_far_apart_the_trailing_window_holds_the_fewest(minimum: int) -> None:
    steps = np.array([*range(60), *(at + i for at in range(70, 2_000, 37) for i in (0, 1))])
    values = np.random.default_rng(0).normal(size=len(steps))
    slow = [np.nan] * len(steps)
    for i in range(minimum, len(steps)):
        is_recent = (steps >= steps[i] - 50) & (steps < steps[i])
        is_recent[i - minimum : i] = True
        slow[i] = float(np.median(values[is_recent]))
    found = trailing_median(values, 50, minimum, steps.astype(float))
    np.testing.assert_array_equal(found, slow)


def test_an_even_stride_has_the_window_of_every_step() -> None:
    values = np.random.default_rng(0).normal(size=200)
    strided = trailing_median(values, 50, 5, 25.0 * np.arange(200))
    np.testing.assert_array_equal(strided, trailing_median(values, 50, 5))


@pytest.mark.parametrize("phi", [0.3, 0.9])
def test_pairs_show_the_fresh_part_of_noise_that_remembers(phi: float) -> None:
    rng = np.random.default_rng(3)
    values = lfilter([1.0], [1.0, -phi], rng.normal(size=200_000) * np.sqrt(1.0 - phi**2))
    pairs = np.sort(np.concatenate([np.arange(0, 200_000, 40), np.arange(1, 200_000, 40)]))
    sampled = difference_scale(values[pairs], pairs.astype(float))
    assert sampled == pytest.approx(np.sqrt(1.0 - phi), rel=0.06)
    assert difference_scale(values[pairs]) > 1.05 * sampled


@pytest.mark.parametrize(
    ("steps", "gap"), [([], 1.0), ([7.0], 1.0), ([0.0, 50.0, 100.0], 50.0), ([0, 1, 9, 10], 1.0)]
)
def test_the_usual_gap_is_that_of_most_neighbours(steps: list[float], gap: float) -> None:
    assert usual_gap(np.array(steps)) == gap


def test_a_rounded_series_has_noise_and_a_constant_one_has_none() -> None:
    rounded = np.round(np.random.default_rng(0).normal(0.69, 0.003, 200), 2)
    assert 0.002 < noise_scale(rounded) < 0.006
    assert noise_scale(np.full(200, 0.69)) == 0.0
