"""The length of steps, from how the loss bends."""

from __future__ import annotations

import numpy as np
import pytest

from tuneguard import keys
from tuneguard.history import RunHistory
from tuneguard.prescriptions.curvature import reach_of_steps
from tuneguard.prescriptions.learning_rate import lower_learning_rate, raise_learning_rate

STEPS = 40


def descent(rate: float, bend: float = 4.0, steps: int = STEPS) -> RunHistory:
    """Return what is recorded of plain descent on a bowl in one dimension."""
    point, rows = 3.0, []
    for step in range(steps):
        moved = -rate * bend * point
        after = bend * (point + moved)
        rows.append((step, abs(after), np.sign(after * moved), abs(moved), bend))
        point += moved
    names = (
        "gradient_norm/global",
        keys.COSINE_TO_UPDATE,
        keys.UPDATE_NORM_GLOBAL,
        keys.CURVATURE,
    )
    series = {name: [(row[0], row[1 + at]) for row in rows] for at, name in enumerate(names)}
    return RunHistory.from_series(series, {"lr": rate, "optimizer": "SGD"})


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.24, 0.3, 0.45])
def test_on_a_bowl_the_step_that_ends_at_the_bottom_is_one_over_the_curvature(rate: float) -> None:
    reach = reach_of_steps(descent(rate))
    assert reach is not None
    assert rate * reach == pytest.approx(1.0 / 4.0, rel=1e-6)


def test_without_curvature_nothing_is_said() -> None:
    history = RunHistory.from_series({"loss": [(step, 1.0) for step in range(STEPS)]})
    assert reach_of_steps(history) is None
    assert reach_of_steps(descent(0.1, steps=5)) is None


def test_where_the_loss_bends_downwards_nothing_is_said() -> None:
    assert reach_of_steps(descent(0.01, bend=-1.0)) is None


def test_a_rate_is_raised_to_twice_the_bottom_at_most() -> None:
    fix = raise_learning_rate(descent(0.1), factor=30.0, because="it crept")
    assert fix.suggested == "0.5"
    assert "curvature" in fix.rationale
    assert raise_learning_rate(descent(0.1), factor=3.0, because="it crept").suggested == "0.3"


def test_a_rate_is_lowered_to_the_bottom_at_least() -> None:
    fix = lower_learning_rate(descent(0.45), factor=0.9, because="it swung")
    assert fix.suggested == "0.25"
    assert "curvature" in fix.rationale
    assert lower_learning_rate(descent(0.45), factor=0.1, because="x").suggested == "0.045"
