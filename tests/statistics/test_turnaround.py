"""Turnaround: which rise counts, by which range, and against which noise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from tuneguard.history import Series
from tuneguard.statistics.curve import Curve, course
from tuneguard.statistics.turnaround import continuation, taken_back, turnaround


def curve_of(values: np.ndarray) -> Curve:
    found = course(Series.from_arrays("loss", np.arange(float(len(values))), values))
    assert found is not None
    return found


def correlated(seed: int, count: int, phi: float) -> np.ndarray:
    shocks = np.random.default_rng(seed).normal(size=count + 200) * np.sqrt(1.0 - phi**2)
    return lfilter([1.0], [1.0, -phi], shocks)[200:]


def test_the_largest_rise_that_went_back_is_the_one_of_all_triples() -> None:
    for seed in range(20):
        levels = correlated(seed, 25, 0.5)
        triples = (
            min(levels[j] - levels[: j + 1].min(), levels[j] - levels[j:].min())
            for j in range(len(levels))
        )
        assert taken_back(levels) == pytest.approx(max(triples))


def test_a_small_range_is_measured_by_the_larger_one() -> None:
    curve = curve_of(np.concatenate([[1.0], np.linspace(0.99, 1.5, 30)]))
    assert not turnaround(curve, other_gain=2.0).is_of_own_range
    assert turnaround(curve, other_gain=2.0).share == pytest.approx(0.25, abs=0.03)
    assert turnaround(curve).is_of_own_range


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9])
def test_noise_rarely_looks_like_a_lasting_rise(phi: float) -> None:
    at, alarms = np.arange(60.0), 0
    for seed in range(300):
        found = turnaround(curve_of(np.exp(-at / 6.0) + 0.03 * correlated(seed, 60, phi)))
        alarms += found.share >= 0.15 and found.noise >= 3.0 and found.is_lasting
    assert alarms <= 2


def test_training_that_turns_round_as_well_does_not_go_on() -> None:
    valley = curve_of(np.abs(np.arange(40.0) - 20.0))
    falling = curve_of(40.0 - np.arange(40.0))
    assert continuation(falling, valley).is_clear(3.0, 0.05)
    assert continuation(falling, valley).share == pytest.approx(0.5, abs=0.05)
    assert not continuation(valley, valley).is_clear(3.0, 0.05)
    assert not continuation(curve_of(np.ones(40)), valley).is_clear(3.0, 0.05)


def test_training_that_had_ended_when_validation_drifted_does_not_go_on() -> None:
    drifting = curve_of(np.abs(np.arange(40.0) - 20.0))
    for seed in range(20):
        ended = np.exp(-np.arange(40.0) / 4.0) + 0.002 * correlated(seed, 40, 0.5)
        assert not continuation(curve_of(ended), drifting).is_clear(3.0, 0.05), seed


@pytest.mark.parametrize(("climb", "is_confirmed"), [(1.0, False), (5.0, True)])
def test_a_gap_confirms_a_climb_that_is_a_good_part_of_it(
    climb: float, is_confirmed: bool
) -> None:
    valley = curve_of(np.abs(np.arange(40.0) - 20.0))
    went_on = continuation(curve_of(40.0 - np.arange(40.0)), valley)
    assert went_on.confirms(climb, 0.15, 0.2) is is_confirmed
    assert not went_on.confirms(climb, 0.9, 0.2)


def test_the_climb_of_noise_is_hardly_biased_by_the_choice_of_the_best() -> None:
    at = np.arange(40.0)
    noise = np.random.default_rng(0).normal(size=(100, 40))
    curves = [curve_of(5.0 * np.exp(-at / 3.0) + one) for one in noise]
    climb = np.median([turnaround(one).climb for one in curves])
    assert abs(climb) < 0.25 * np.median([one.lost for one in curves])
    assert turnaround(curve_of(np.abs(at - 10.0))).climb == pytest.approx(15.0, abs=1.0)


def test_one_wild_value_in_a_short_run_does_not_hide_a_lasting_rise() -> None:
    values = np.array([1.0, 0.6, 0.5, 0.52, 1.4, 0.55, 0.54, 0.57, 0.7, 0.75])
    assert turnaround(curve_of(values)).is_lasting
