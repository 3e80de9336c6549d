"""Rises of validation held against training, and the limits they are held to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tuneguard.history import Series
from tuneguard.statistics.curve import course
from tuneguard.statistics.rise import Rise, RiseLimits, rise_of
from tuneguard.statistics.splits import MeasuredCourse

LIMITS = RiseLimits(
    share=0.2,
    share_of_training=0.1,
    noise=3.0,
    gain=3.0,
    fall=0.05,
    long_fall=0.15,
    climb=0.2,
    if_confirmed=0.5,
    persistence=3,
)
STEPS = np.arange(40.0)
TRAINING = 2.0 * np.exp(-STEPS / 15.0)


def measured(values: np.ndarray, name: str = "loss") -> MeasuredCourse:
    series = Series.from_arrays(name, STEPS, values)
    curve = course(series)
    assert curve is not None
    return MeasuredCourse(series, curve, is_negated=False, name=name)


def rise(values: np.ndarray, limits: RiseLimits = LIMITS, name: str = "loss") -> Rise:
    return rise_of(measured(TRAINING), measured(values, name), limits)


def turning(height: float) -> np.ndarray:
    """Come down by 1 in a quarter of the run, and rise by `height` till its end."""
    return 1.0 - np.minimum(STEPS, 10.0) / 10.0 + height * np.clip(STEPS - 10.0, 0.0, None) / 29.0


@pytest.mark.parametrize(("height", "is_far"), [(0.05, False), (0.3, True)])
def test_a_rise_counts_from_its_limit_on(height: float, is_far: bool) -> None:
    found = rise(turning(height), replace(LIMITS, if_confirmed=1.0))
    assert found.turn.share == pytest.approx(height, rel=0.2)
    assert found.is_far is is_far


def test_a_gap_that_opens_halves_the_limits() -> None:
    found = rise(turning(0.4))
    assert found.is_confirmed
    assert (found.least_share, found.least_noise) == (0.1, 1.5)


def test_a_metric_is_of_another_unit_and_confirms_nothing() -> None:
    found = rise(turning(0.4), name="error")
    assert not found.is_confirmed
    assert (found.least_share, found.least_noise) == (0.2, 3.0)


def test_what_hardly_came_down_is_measured_by_training() -> None:
    found = rise(1.0 + 0.02 * STEPS, replace(LIMITS, if_confirmed=1.0))
    assert found.least_share == 0.1
    assert found.turn.share == found.measured.curve.lost / measured(TRAINING).curve.gained


def test_near_is_what_would_do_if_it_were_confirmed() -> None:
    strict = replace(LIMITS, climb=10.0)
    assert [rise(turning(height), strict).is_near for height in (0.05, 0.15, 0.3)] == [
        False,
        True,
        True,
    ]
    assert not rise(turning(0.15), strict).is_far
