"""A learning rate that leapt is told from one that rises or falls."""

from __future__ import annotations

import pytest

from tuneguard.findings import Change
from tuneguard.history import RunHistory
from tuneguard.prescriptions import orders
from tuneguard.prescriptions.orders.leaps import leap_of

STEPS = 200
WARM = 40


def run_of(rates: list[float]) -> RunHistory:
    return RunHistory.from_series(
        {"learning_rate": list(enumerate(rates))},
        {"lr": max(rates), "optimizer": "Adam", "planned_steps": len(rates)},
    )


def leaping(factor: float, at: int = STEPS // 2) -> RunHistory:
    return run_of([1e-3 if step < at else factor * 1e-3 for step in range(STEPS)])


def test_a_leap_is_told_with_what_came_before_it() -> None:
    assert leap_of(leaping(30.0)) == pytest.approx((1e-3, 0.03))


@pytest.mark.parametrize(
    "rates",
    [
        [1e-3] * STEPS,
        [1e-3 * min(1.0, (step + 1) / WARM) for step in range(STEPS)],
        [1e-3 if step < 100 else 1e-4 for step in range(STEPS)],
        [1e-3 * (1.0 - step % 50 / 50.0) for step in range(STEPS)],
        [1e-3 if step < 100 else 1.9e-3 for step in range(STEPS)],
        [1e-4 if step < 2 else 1e-3 for step in range(STEPS)],
    ],
    ids=["constant", "warm-up", "decay", "restarts", "less than twice", "a first step"],
)
def test_other_schedules_do_not_leap(rates: list[float]) -> None:
    assert leap_of(run_of(rates)) is None


def test_a_leap_is_undone_first_whatever_it_led_to() -> None:
    run, loss = leaping(30.0), RunHistory.from_series({"loss": [(0, 1.0), (199, 0.5)]})
    series = loss.series["loss"]
    for order in (
        orders.for_long_steps(run, 0.5, 200.0),
        orders.for_a_departure(run, series, (90.0, 0.2), is_early=False),
        orders.for_swings(run, series, "it swung"),
        orders.for_bursts(run, 1.0),
        orders.for_overflow(run, 101.0),
        orders.for_a_rate_that_leapt(run, 1e-3, 0.03),
    ):
        assert order[0].changes == (Change("highest_learning_rate", 1e-3),)
        assert Change("schedule", "cosine") in order[1].changes


def test_without_a_leap_the_rate_itself_is_lowered() -> None:
    assert orders.for_bursts(run_of([1e-3] * STEPS), 0.0)[0].parameter == "learning_rate"
