"""Leaps out of the usual noise."""

from __future__ import annotations

import numpy as np
import pytest

from tuneguard.statistics.leaps import leaps


@pytest.mark.parametrize("at", [61, 150, 399])
def test_a_leap_is_found_where_it_is(at: int) -> None:
    values = np.random.default_rng(at).normal(size=400)
    values[at : at + 3] += 40.0
    found = leaps(values, min_ratio=4.0, min_height=np.zeros(400))
    assert found.first.tolist() == [at]
    assert found.last[0] == min(at + 2, 399)
    assert found.ratio[0] > 3.0 * found.next_ratio


def test_a_step_up_is_one_leap_that_ends_when_it_becomes_the_course() -> None:
    values = 0.1 * np.random.default_rng(0).normal(size=400)
    values[200:] += 5.0
    found = leaps(values, min_ratio=4.0, min_height=np.zeros(400))
    assert found.first.tolist() == [200]
    assert found.last[0] <= 260


@pytest.mark.parametrize("draw", ["normal", "exponential"])
def test_noise_does_not_leap(draw: str) -> None:
    drawn = [getattr(np.random.default_rng(seed), draw)(size=2_000) for seed in range(50)]
    counts = [len(leaps(one, min_ratio=4.0, min_height=np.zeros(2_000)).first) for one in drawn]
    assert sum(count >= 3 for count in counts) == 0


def test_a_short_series_has_no_course_to_leap_from() -> None:
    values = np.zeros(90)
    values[50] = 9.0
    assert len(leaps(values, min_ratio=4.0, min_height=np.zeros(90)).first) == 0
