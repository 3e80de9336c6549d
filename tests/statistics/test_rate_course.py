"""Where a learning rate died, and the loss around it: against hand-made series."""

from __future__ import annotations

import numpy as np
import pytest

from tuneguard.history import Axis, RunHistory, Series
from tuneguard.statistics.curve import course
from tuneguard.statistics.rate_course import around, level_after, place_below


def placed(values: np.ndarray, axis: str) -> Series:
    return RunHistory.from_series({"loss": enumerate(values.tolist())}, axis=axis).series["loss"]


def test_the_last_time_above_counts() -> None:
    rate = Series.from_points("lr", enumerate([1.0, 0.0, 1.0, 0.0, 0.0]))
    assert place_below(rate, 0.5) == pytest.approx(0.75)
    assert place_below(rate, 2.0) == 0.0
    assert place_below(rate, -1.0) is None


def test_a_row_in_which_the_rate_died_is_left_out() -> None:
    loss = placed(np.array([3.0, 2.0, *[1.0] * 14]), "epoch")
    curve = course(loss)
    assert curve is not None
    assert loss.axis is Axis.EPOCH
    assert level_after(loss, curve, float(loss.positions[1])) == 1.0


@pytest.mark.parametrize("place", [0.2, 0.5])
def test_of_single_steps_levels_before_and_after_lie_on_a_straight_line(place: float) -> None:
    loss = placed(1.0 - np.arange(3_000.0) / 3_000.0, "step")
    curve = course(loss)
    assert curve is not None
    before, at_low = around(loss, curve, place)
    assert before == pytest.approx(1.0 - place / 2.0, abs=0.03)
    assert at_low == pytest.approx(1.0 - place, abs=0.03)
    assert level_after(loss, curve, place) < at_low
