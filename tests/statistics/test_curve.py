"""The course of a series: levels, their noise, where it was best and where it ended."""

from __future__ import annotations

import numpy as np
import pytest

from tuneguard.history import Series
from tuneguard.statistics.curve import BLOCKS, Curve, course


def course_of(values: np.ndarray) -> Curve:
    curve = course(Series.from_arrays("loss", np.arange(float(len(values))), values))
    assert curve is not None
    return curve


@pytest.mark.parametrize("count", [2 * BLOCKS, 61, 1_000, 12_345])
def test_a_long_series_becomes_medians_of_blocks(count: int) -> None:
    values = np.random.default_rng(count).normal(size=count)
    curve = course_of(values)
    blocks = np.array_split(np.arange(count), BLOCKS)
    assert curve.is_blocked
    assert len(curve.levels) == BLOCKS
    assert max(len(block) for block in blocks) - min(len(block) for block in blocks) <= 1
    edges = np.append(-1, curve.steps).astype(int) + 1
    slow = [np.median(values[edges[i] : edges[i + 1]]) for i in range(BLOCKS)]
    assert curve.levels.tolist() == slow
    assert curve.steps[-1] == count - 1


@pytest.mark.parametrize("count", [3, 10, 2 * BLOCKS - 1])
def test_a_short_series_keeps_its_points(count: int) -> None:
    curve = course_of(np.linspace(3.0, 1.0, count))
    assert (curve.is_blocked, len(curve.levels), curve.points) == (False, count, count)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_finite_points_have_no_course(count: int) -> None:
    values = np.append(np.ones(count), [np.nan, np.inf])
    assert course(Series.from_arrays("loss", np.arange(count + 2.0), values)) is None


def test_bad_values_are_left_out_and_positions_are_kept() -> None:
    values = np.where(np.arange(300) < 100, np.linspace(3.0, 1.0, 300), np.nan)
    curve = course_of(values)
    assert curve.points == 100
    assert np.isfinite(curve.levels).all()
    assert curve.positions[-1] == pytest.approx(99 / 299)
    assert len(curve.after(0.5)) == 0


@pytest.mark.parametrize("best", [4, 12, 30])
def test_the_best_of_a_short_series_is_known_to_the_point(best: int) -> None:
    curve = course_of(1.0 + np.abs(np.arange(40.0) - best))
    assert curve.best_step == best


def test_a_single_low_point_is_not_the_best() -> None:
    values = np.append(np.linspace(3.0, 1.0, 30), np.linspace(1.0, 2.0, 20))
    values[40] = -5.0
    assert course_of(values).best_step == pytest.approx(30.0, abs=1.0)


def test_gains_and_losses_are_measured_from_the_best() -> None:
    curve = course_of(np.append(np.linspace(5.0, 1.0, 3_000), np.linspace(1.0, 2.0, 3_000)))
    assert curve.gained == pytest.approx(4.0, rel=0.05)
    # the end is the median of the last three blocks, each of a thirtieth
    assert curve.lost == pytest.approx(0.9, abs=0.05)
    assert 3_000 <= curve.best_step <= 3_200


def test_a_series_that_only_rises_was_best_at_its_start() -> None:
    curve = course_of(np.linspace(1.0, 9.0, 300))
    assert (curve.best_index, curve.gained) == (0, 0.0)


@pytest.mark.parametrize("count", [300, 3_000])
def test_the_noise_of_a_level_shrinks_with_its_block(count: int) -> None:
    # the median of m normal points has a standard deviation of about 1.2533 / sqrt(m)
    noise = [course_of(np.random.default_rng(s).normal(size=count)).level_noise for s in range(30)]
    assert np.median(noise) == pytest.approx(1.2533 / np.sqrt(count / BLOCKS), rel=0.15)


def test_a_course_is_computed_once() -> None:
    series = Series.from_arrays("loss", np.arange(100.0), np.arange(100.0))
    assert course(series) is course(series)
