"""Points kept in bounded memory."""

from __future__ import annotations

import math

from tuneguard.files.kept_points import KeptPoints


def filled(count: int, limit: int) -> KeptPoints:
    points = KeptPoints(limit)
    for step in range(count):
        points.add(float(step), 0.5 * step)
    return points


def test_all_are_kept_up_to_the_limit() -> None:
    steps, values = filled(64, 64).arrays()
    assert steps.tolist() == list(range(64))
    assert values.tolist() == [0.5 * step for step in range(64)]


def test_never_more_than_the_limit_and_one_stride() -> None:
    points = filled(10_000, 64)
    steps, _ = points.arrays()
    assert len(points) <= 64
    assert steps.tolist() == list(range(0, 10_000, points.stride))


def test_a_series_of_nothing_but_nan_is_bounded() -> None:
    points = KeptPoints(64)
    for step in range(10_000):
        points.add(float(step), math.nan)
    assert len(points) <= 64


def test_a_cell_that_would_not_be_kept_need_not_be_read() -> None:
    points = filled(100, 64)
    assert points.stride == 4
    assert not points.passes_over("1.5")
    points.add(100.0, 1.5)
    assert points.passes_over("1.5")
    assert points.written == 102


def test_a_cell_that_may_not_be_finite_is_read_always() -> None:
    points = filled(101, 64)
    assert not points.passes_over("nan")


def test_what_a_restarted_writer_writes_again_is_forgotten() -> None:
    points = filled(10, 64)
    points.drop_from(4.0)
    assert points.arrays()[0].tolist() == [0, 1, 2, 3]
