"""What a longer run would gain: against hand-made courses."""

from __future__ import annotations

import numpy as np
import pytest

from tuneguard.history import RunHistory, Series
from tuneguard.statistics.outlook import (
    extrapolated,
    fall_between_halves,
    is_best_each_time,
    late_fall_in_rates,
    worthwhile,
)
from tuneguard.statistics.splits import MeasuredCourse, training_loss

AT = np.arange(40.0)


def measured(values: np.ndarray) -> MeasuredCourse:
    rows = RunHistory.from_series({"train_loss": enumerate(values.tolist())}, axis="epoch")
    found = training_loss(rows)
    assert found is not None
    return found


def rates(values: np.ndarray) -> Series:
    return Series.from_points("lr", enumerate(values.tolist()))


def test_a_slower_course_is_worth_a_longer_run() -> None:
    quick, slow = (worthwhile(measured(1.0 + np.exp(-AT / time))) for time in (15.0, 60.0))
    assert quick[0] < slow[0]
    assert quick[1] < slow[1]


def test_the_extrapolation_reaches_as_far_as_was_asked() -> None:
    ahead = extrapolated(measured(1.0 + np.exp(-AT / 40.0)), 2.0)
    assert ahead is not None
    assert ahead.horizon == 78.0
    assert ahead.low < np.exp(-39.0 / 40.0) - np.exp(-78.0 / 40.0) < ahead.high


@pytest.mark.parametrize("end", [1.0, 0.01])
def test_a_fall_as_fast_as_the_rate_allows_has_half_of_it_late(end: float) -> None:
    rate = np.where(AT < 20.0, 1.0, end)
    loss = 3.0 - np.cumsum(rate) / rate.sum()
    fall = late_fall_in_rates(measured(loss), rates(rate))
    assert fall == pytest.approx(0.5, abs=0.06)
    assert late_fall_in_rates(measured(loss[::8]), rates(rate)) is None


def test_a_single_setback_is_enough() -> None:
    falling = 2.0 - AT / 40.0
    assert is_best_each_time(measured(falling))
    falling[7] = falling[6]
    assert not is_best_each_time(measured(falling))


def test_the_middle_of_an_odd_number_belongs_to_no_half() -> None:
    assert fall_between_halves(measured(np.array([3.0, 2.0, 9.0, 1.0, 0.0]))) == 2.0
