"""How much of what training gained validation lacks."""

from __future__ import annotations

import numpy as np
import pytest

from tuneguard.history import Series
from tuneguard.statistics.curve import Curve, course
from tuneguard.statistics.generalisation import Gap, generalisation_gap


def gap_of(training: np.ndarray, validation: np.ndarray, untrained: float) -> Gap:
    series = Series.from_arrays("loss", np.arange(float(len(training))), training)
    return generalisation_gap(series, curve(training), curve(validation), untrained)


def curve(values: np.ndarray) -> Curve:
    found = course(Series.from_arrays("loss", np.arange(float(len(values))), values))
    assert found is not None
    return found


@pytest.mark.parametrize("share", [0.0, 0.25, 0.8, 1.5])
def test_the_gap_is_a_share_of_what_training_gained(share: float) -> None:
    fall = 1.0 - np.linspace(0.0, 0.9, 100)
    gap = gap_of(fall, 1.0 - (1.0 - share) * (1.0 - fall), 1.0)
    assert gap.share == pytest.approx(share, abs=0.05)


def test_what_came_down_from_above_knowing_nothing_is_not_gained() -> None:
    fall = 10.0 - np.linspace(0.0, 9.5, 100)
    gap = gap_of(fall, np.full(20, 1.0), 1.0)
    assert gap.share == pytest.approx(1.0, abs=0.4)
    assert gap_of(fall, np.full(20, 1.0), 0.1).share == 0.0


def test_one_low_validation_closes_the_gap_for_a_while() -> None:
    fall = 1.0 - np.linspace(0.0, 0.9, 100)
    validation = np.full(90, 0.7)
    validation[-6:] = 0.1
    assert gap_of(fall, validation, 1.0).share < 0.1


def test_the_mean_of_skewed_losses_counts_not_their_median() -> None:
    draws = np.random.default_rng(0).exponential(0.5, 2000)
    gap = gap_of(draws + np.linspace(1.5, 0.0, 2000).clip(0.0), np.full(20, 0.6), 2.3)
    assert abs(gap.share) < 0.1


def test_what_validation_still_gains_closes_the_gap() -> None:
    training = 1.0 - np.linspace(0.0, 0.9, 100)
    late, settled = 1.0 - np.linspace(0.0, 0.5, 20), np.full(20, 0.5)
    assert gap_of(training, late, 1.0).closing > 0.4
    assert gap_of(training, settled, 1.0).closing == pytest.approx(0.0, abs=1e-9)
    assert gap_of(training, late, 1.0).followed == pytest.approx(0.55, abs=0.05)
    assert gap_of(training, settled, 1.0).followed == pytest.approx(0.0, abs=1e-9)
