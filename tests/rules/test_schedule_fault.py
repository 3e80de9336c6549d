"""Faults of the schedule, beside the schedules that people mean."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from tuneguard.findings import Abstained, Finding, Passed
from tuneguard.history import RunHistory
from tuneguard.rules.schedule_fault import ScheduleFault

MEANT = {
    "cosine": lambda at: 0.05 * (1.0 + np.cos(np.pi * at / 600.0)),
    "steps of a tenth": lambda at: 0.1 * 0.1 ** np.floor(at / 250.0),
    "warm-up": lambda at: 0.1 * np.minimum(1.0, (at + 1.0) / 60.0),
    "warm-up at once": lambda at: np.where(at < 30, 0.001, 0.1),
    "restarts": lambda at: 0.05 * (1.001 + np.cos(np.pi * (at % 150.0) / 150.0)),
    "constant": lambda at: np.full(len(at), 0.1),
}


@pytest.mark.parametrize("schedule", MEANT)
def test_schedules_that_people_mean_pass(schedule: str, runs: ModuleType) -> None:
    rate = MEANT[schedule](runs.steps())
    for seed in range(10):
        for phi in (0.0, 0.9):
            run = runs.healthy(seed, phi).having(rate=rate)
            assert isinstance(ScheduleFault().check(run.history()), Passed), (seed, phi)


def test_a_rate_that_dies_after_the_loss_settled_passes(runs: ModuleType) -> None:
    rate = np.where(runs.steps() < 300, 0.1, 1e-5)
    for seed in range(10):
        train = runs.fall(runs.steps(), runs.CHANCE, 0.6 * runs.CHANCE, 30.0)
        run = runs.healthy(seed).having(train=train + 0.05 * runs.noise(seed, 600), rate=rate)
        assert isinstance(ScheduleFault().check(run.history()), Passed), seed


def test_a_rate_that_died_before_anything_moved_is_found(runs: ModuleType) -> None:
    rate = 0.1 * 0.8 ** runs.steps()
    for seed in range(10):
        finding = ScheduleFault().check(runs.unlearned(seed).having(rate=rate).history())
        assert isinstance(finding, Finding), seed
        assert finding.evidence[0].value < 0.1


@pytest.mark.parametrize(("fallen", "expected"), [(15, Finding), (5, Passed)])
def test_a_rate_that_died_within_the_first_steps_is_held_against_single_losses(
    fallen: int, expected: type, runs: ModuleType
) -> None:
    """The loss fell while there was a rate, or had settled by a third of that time."""
    rate = np.where(runs.steps() < 15, 0.1, 1e-4)
    for seed in range(10):
        train = runs.CHANCE * (1.0 - 0.5 * np.minimum(runs.steps() / fallen, 1.0))
        run = runs.healthy(seed).having(train=train + 0.02 * runs.noise(seed, 600), rate=rate)
        assert isinstance(ScheduleFault().check(run.history()), expected), seed


@pytest.mark.parametrize("size", [1.5, np.nan])
def test_a_leap_that_throws_the_loss_back_is_found(size: float, runs: ModuleType) -> None:
    rate = np.where(runs.steps() < 360, 0.1, 3.0)
    for seed in range(10):
        run = runs.healthy(seed)
        train = run.values("train/loss") + np.where(runs.steps() < 360, 0.0, size)
        finding = ScheduleFault().check(run.having(train=train, rate=rate).history())
        assert isinstance(finding, Finding), seed
        assert finding.evidence[0].value == pytest.approx(30.0)
        assert finding.evidence[0].steps == (359.0, 360.0)
        assert finding.prescriptions[0].suggested == "at most 0.1"


def test_a_leap_that_the_loss_came_back_from_passes(runs: ModuleType) -> None:
    rate = np.where(runs.steps() < 300, 0.1, 1.0)
    for seed in range(10):
        run = runs.healthy(seed)
        bump = np.where(runs.steps() < 300, 0.0, np.exp(-(runs.steps() - 300.0) / 40.0))
        moved = run.having(train=run.values("train/loss") + bump, rate=rate)
        assert isinstance(ScheduleFault().check(moved.history()), Passed), seed


def test_a_rise_of_the_loss_elsewhere_is_no_leap_of_the_rate(runs: ModuleType) -> None:
    rate = np.where(runs.steps() < 200, 0.1, 1.0)
    for seed in range(10):
        run = runs.healthy(seed)
        train = run.values("train/loss") + np.where(runs.steps() < 450, 0.0, 1.5)
        outcome = ScheduleFault().check(run.having(train=train, rate=rate).history())
        assert isinstance(outcome, Passed), seed


def test_while_a_run_goes_on_only_leaps_are_judged(runs: ModuleType) -> None:
    died = replace(runs.cut_short(0).history(), status="running")
    assert isinstance(ScheduleFault().check(died), Abstained)
    run = runs.healthy(0)
    after = runs.steps() >= 360
    leapt = run.having(
        train=run.values("train/loss") + 1.5 * after, rate=np.where(after, 3.0, 0.1)
    )
    history = replace(leapt.history(), status="running")
    assert isinstance(ScheduleFault().check(history), Finding)


@pytest.mark.parametrize("offset", [0.0, 9.0])
def test_a_start_far_above_chance_is_no_progress_that_a_decay_is_held_against(
    offset: float,
) -> None:
    at, rng = np.arange(600.0), np.random.default_rng(0)
    rate = 0.5 ** (at / 22.0)
    losses = 24.0 * (offset * np.exp(-at / 5.0) + 0.3 + 0.7 * np.exp(-1.5 * (1.0 - rate)))
    validated = at[36::37]
    smooth = losses[validated.astype(int)]
    history = RunHistory.from_series(
        {
            "train/loss": zip(at, losses + 0.1 * rng.standard_normal(600), strict=True),
            "learning_rate/0": zip(at, 0.01 * rate, strict=True),
            "validation/loss": zip(validated, smooth, strict=True),
            "validation/r2": zip(validated, 1.0 - smooth / 24.0, strict=True),
        },
        {"task": "regression"},
        axis="step",
    )
    assert isinstance(ScheduleFault().check(history), Finding)
