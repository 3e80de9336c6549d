"""How much of what training gained validation lacks."""

from __future__ import annotations

import numpy as np
import pytest

from tuneguard.history import Series
from tuneguard.statistics.curve import Curve, course
from tuneguard.statistics.generalisation import generalisation_gap


def curve(values: np.ndarray) -> Curve:
    found = course(Series.from_arrays("loss", np.arange(float(len(values))), values))
    assert found is not None
    return found


@pytest.mark.parametrize("share", [0.0, 0.25, 0.8, 1.5])
def test_the_gap_is_a_share_of_what_training_gained(share: float) -> None:
    fall = 1.0 - np.linspace(0.0, 0.9, 100)
    gap = generalisation_gap(curve(fall), curve(1.0 - (1.0 - share) * (1.0 - fall)), 1.0)
    assert gap.share == pytest.approx(share, abs=0.05)


def test_what_came_down_from_above_knowing_nothing_is_not_gained() -> None:
    fall = 10.0 - np.linspace(0.0, 9.5, 100)
    gap = generalisation_gap(curve(fall), curve(np.full(20, 1.0)), 1.0)
    assert gap.share == pytest.approx(1.0, abs=0.4)
    assert generalisation_gap(curve(fall), curve(np.full(20, 1.0)), 0.1).share == 0.0


def test_one_low_validation_closes_the_gap_for_a_while() -> None:
    fall = 1.0 - np.linspace(0.0, 0.9, 100)
    validation = np.full(90, 0.7)
    validation[-6:] = 0.1
    assert generalisation_gap(curve(fall), curve(validation), 1.0).share < 0.1
