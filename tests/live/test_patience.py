"""How long what is seen has to last before it is told."""

from __future__ import annotations

import pytest

from tuneguard import RunHistory
from tuneguard.live.patience import Progress, wait_of
from tuneguard.rules import BUILTIN_RULES


def progress(step, planned=0.0, warmed_up=0.0):
    return Progress(step, planned, warmed_up, counts_steps=True)


def told_at(rule, since, planned=0.0, warmed_up=0.0):
    """Return the first step at which what is seen without a break since `since` is told."""
    steps = range(since, 200_000, 100)
    wait = wait_of(rule)
    return next(s for s in steps if wait.is_over(since, progress(s, planned, warmed_up), 0.25))


def with_rates(rates):
    points = [(step * 10, rate) for step, rate in enumerate(rates)]
    losses = [(step * 10, 1.0) for step in range(len(rates))]
    return RunHistory.from_series({"train/loss": losses, "learning_rate/0": points})


def test_a_measured_fault_waits_for_a_quarter_of_its_steps():
    assert told_at("missing-zero-grad", 4000, planned=100_000) == 5000


def test_what_the_first_steps_show_is_not_the_course_of_the_run():
    assert told_at("divergence", 4000) == 5000
    assert told_at("divergence", 4000, planned=100_000) == 18_600
    assert told_at("divergence", 40_000, planned=100_000) == 49_500


def test_a_standstill_waits_for_half_of_what_is_planned():
    assert told_at("no-learning", 4000, planned=100_000) == 49_500
    assert told_at("no-learning", 40_000, planned=100_000) == 59_400


def test_a_standstill_counts_from_the_end_of_the_warm_up():
    assert told_at("no-learning", 4000, planned=100_000, warmed_up=40_000) == 59_400
    assert told_at("missing-zero-grad", 4000, warmed_up=40_000) == 5000


@pytest.mark.parametrize(("since", "expected"), [(4000, 8000), (100, 1000)])
def test_a_standstill_of_a_run_without_a_plan_has_to_double_it(since: int, expected: int):
    assert told_at("no-learning", since) == expected


def test_nothing_is_told_at_the_look_at_which_it_is_first_seen():
    waits = [wait_of(rule.name) for rule in BUILTIN_RULES]
    assert not any(wait.is_over(9000.0, progress(9000.0, 10_000.0), 0.0) for wait in waits)


def test_the_warm_up_ends_where_the_rate_is_at_its_highest():
    warm_up = [0.1 * step for step in range(1, 11)]
    assert Progress.of(with_rates([*warm_up, 1.0, 0.9, 0.2])).warmed_up == pytest.approx(90.0)
    assert Progress.of(with_rates(warm_up)).warmed_up == pytest.approx(90.0)


def test_a_constant_or_falling_rate_has_no_warm_up():
    assert Progress.of(with_rates([0.1] * 20)).warmed_up == 0.0
    assert Progress.of(with_rates([1.0, 0.5, 0.25])).warmed_up == 0.0


def test_the_plan_of_a_run_that_counts_epochs_is_that_of_its_parameters():
    rows = {"train_loss": [(epoch, 1.0) for epoch in range(5)]}
    history = RunHistory.from_series(rows, params={"epochs": 40}, axis="epoch")
    assert Progress.of(history) == Progress(4.0, 40.0, 0.0, counts_steps=False)
