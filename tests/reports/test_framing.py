from __future__ import annotations

import math

import pytest

from tuneguard.findings import Line
from tuneguard.reports.curves import Panel
from tuneguard.reports.framing import Frame, beyond, frame_of

STEPS = tuple(range(100))
FALL_AND_RISE = tuple(50.0 / (step + 1) + 0.02 * max(0, step - 40) for step in STEPS)
LATE = (60.0, 99.0)


def panel(*values: float, threshold: float | None = None, log_scale: bool = False) -> Panel:
    return Panel((Line("loss", STEPS[: len(values)], values),), threshold, log_scale)


def test_a_late_rise_fills_a_good_part_of_the_axis():
    frame = frame_of(panel(*FALL_AND_RISE), LATE)
    guilty = FALL_AND_RISE[60:]
    assert frame is not None
    assert frame.low < min(guilty) < max(guilty) < frame.high
    assert (max(guilty) - min(guilty)) / (frame.high - frame.low) > 0.35


def test_the_frame_is_not_wider_than_the_values_need():
    frame = frame_of(panel(*FALL_AND_RISE), LATE)
    assert frame is not None
    assert frame.low > min(FALL_AND_RISE) - 1.0


@pytest.mark.parametrize(
    ("shown", "span"),
    [
        (panel(*FALL_AND_RISE), None),
        (panel(*FALL_AND_RISE), (0.0, 99.0)),
        (panel(*FALL_AND_RISE), (500.0, 600.0)),
        (panel(*FALL_AND_RISE), (math.nan, math.nan)),
        (panel(*FALL_AND_RISE, log_scale=True), LATE),
        (panel(*FALL_AND_RISE, threshold=40.0), LATE),
        (panel(9.0, math.nan, 1.0, 1.0), (2.0, 3.0)),
        (panel(math.nan, math.inf), (0.0, 1.0)),
        (panel(), (0.0, 1.0)),
    ],
)
def test_nothing_is_cut_where_it_would_not_help(shown, span):
    assert frame_of(shown, span) is None


def test_the_limit_stays_in_the_frame():
    frame = frame_of(panel(*FALL_AND_RISE, threshold=3.0), LATE)
    assert frame is not None
    assert frame.low < 3.0 < frame.high


def test_what_is_cut_is_said():
    line = Line("loss", (1, 2, 3, 4), (9.0, 0.5, -7.0, math.inf))
    assert beyond(line, Frame(0.0, 1.0)) == [(1, "↑ 9"), (3, "↓ -7")]
    assert beyond(line, Frame(-10.0, 10.0)) == []
    assert beyond(Line("loss", (1,), (math.nan,)), Frame(0.0, 1.0)) == []
