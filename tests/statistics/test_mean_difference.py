"""Mean differences: against SciPy's tests, and how often their intervals miss under noise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.signal import lfilter

from tuneguard.statistics.mean_difference import (
    MIN_POINTS,
    difference_of_groups,
    difference_of_pairs,
    mean_of_successive,
)


def correlated(count: int, phi: float, repeats: int = 400) -> np.ndarray:
    shocks = np.random.default_rng(count).normal(size=(repeats, count + 200))
    return lfilter([1.0], [1.0, -phi], shocks * np.sqrt(1.0 - phi**2), axis=1)[:, 200:]


def share_missed(count: int, phi: float) -> float:
    estimates = [mean_of_successive(values) for values in correlated(count, phi)]
    ends = [one.interval(0.95) for one in estimates]
    return float(np.mean([not low <= 0.0 <= high for low, high in ends]))


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("count", [12, 60])
def test_intervals_of_successive_values_miss_at_most_as_often_as_they_say(count, phi):
    assert share_missed(count, phi) <= 0.05 + 0.02  # two standard errors of 400 repeats


def test_six_values_that_hardly_change_are_too_few_to_see_how_alike_they_are():
    assert 0.05 < share_missed(MIN_POINTS, 0.9) < 0.2


def test_the_textbook_interval_would_miss_most_of_the_time_which_is_why_it_is_not_used():
    missed = stats.ttest_1samp(correlated(30, 0.9), 0.0, axis=1).pvalue < 0.05
    assert np.mean(missed) > 0.5


def test_a_difference_that_grows_is_no_noise():
    wobble = 0.01 * np.random.default_rng(0).normal(size=30)
    low, high = mean_of_successive(np.linspace(1.0, 2.0, 30) + wobble).interval(0.95)
    assert 1.4 < low < 1.5 < high < 1.6


def test_values_on_a_line_have_no_noise():
    assert mean_of_successive(np.full(20, 3.7)).standard_error == 0.0


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_the_unit_does_not_matter(factor):
    values = correlated(40, 0.5, 1)[0]
    plain, scaled = mean_of_successive(values), mean_of_successive(factor * values + 5.0 * factor)
    assert scaled.standard_error == pytest.approx(factor * plain.standard_error)
    assert scaled.degrees == pytest.approx(plain.degrees)


def test_too_few_values_are_an_error():
    with pytest.raises(ValueError, match="6 values are needed, got 5"):
        mean_of_successive(np.arange(5.0))


@pytest.mark.parametrize("sizes", [(3, 3), (2, 7)])
def test_groups_are_compared_as_welch_does(sizes):
    generator = np.random.default_rng(1)
    before, after = (generator.normal(size=size) for size in sizes)
    reference = stats.ttest_ind(after, before, equal_var=False).confidence_interval(0.95)
    assert difference_of_groups(before, after).interval(0.95) == pytest.approx(tuple(reference))


def test_pairs_are_compared_as_student_does():
    differences = np.random.default_rng(2).normal(size=5)
    reference = stats.ttest_1samp(differences, 0.0).confidence_interval(0.95)
    assert difference_of_pairs(differences).interval(0.95) == pytest.approx(tuple(reference))


def test_a_single_run_is_held_against_the_spread_of_the_others():
    """Crawford & Howell's test at the 5 % level is right once in twenty."""
    generator = np.random.default_rng(3)
    intervals = [
        difference_of_groups(generator.normal(size=4), generator.normal(size=1)).interval(0.95)
        for _ in range(1000)
    ]
    missed = np.mean([not low <= 0.0 <= high for low, high in intervals])
    assert 0.03 <= missed <= 0.07


def test_known_noise_is_added_to_the_unknown():
    estimate = difference_of_pairs(np.array([1.0, 3.0]))
    assert estimate.with_more_noise(0.0) is estimate
    more = estimate.with_more_noise(10.0)
    assert more.standard_error == pytest.approx(np.hypot(1.0, 10.0))
    assert more.degrees > 1000.0
