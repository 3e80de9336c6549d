"""Learning rate oscillation: swings that lead nowhere, and swings that have other reasons."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from tuneguard.findings import Abstained, Finding, Passed
from tuneguard.history import RunHistory
from tuneguard.rules.learning_rate_oscillation import LearningRateOscillation

SCHEDULES = {
    "cyclic": lambda steps: 0.02 + 0.08 * np.abs((steps % 120.0) / 60.0 - 1.0),
    "restarted": lambda steps: 0.05 * (1.01 + np.cos(np.pi * (steps % 150.0) / 150.0)),
    "decayed early": lambda steps: 0.1 * 0.98**steps,
    "stepped down": lambda steps: np.where(steps < 250, 0.1, 0.001),
}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_schedule_of_the_learning_rate_is_no_oscillation(
    schedule: str, runs: ModuleType
) -> None:
    rate = SCHEDULES[schedule](runs.steps())
    for seed in range(20):
        outcome = LearningRateOscillation().check(
            runs.oscillating(seed).having(rate=rate).history()
        )
        assert isinstance(outcome, Abstained), seed


def test_a_warm_up_before_the_swings_excuses_nothing(runs: ModuleType) -> None:
    rate = 0.1 * np.minimum(1.0, (runs.steps() + 1.0) / 60.0)
    run = runs.oscillating(0).having(rate=rate)
    assert isinstance(LearningRateOscillation().check(run.history()), Finding)


def test_swings_on_the_way_down_pass(runs: ModuleType) -> None:
    for seed in range(20):
        run, descent = runs.oscillating(seed), np.linspace(1.5, -1.5, runs.STEPS)
        moving = run.having(
            train=run.values("train/loss") + descent,
            validation=run.values("validation/loss") + descent[:: runs.EVERY],
        )
        assert isinstance(LearningRateOscillation().check(moving.history()), Passed), seed


def test_a_noisy_validation_beside_a_quiet_training_passes(runs: ModuleType) -> None:
    for seed in range(20):
        validation = runs.oscillating(seed).values("validation/loss")
        run = runs.healthy(seed).having(validation=validation)
        assert isinstance(LearningRateOscillation().check(run.history()), Passed), seed


def test_the_training_loss_is_judged_where_there_is_no_validation(runs: ModuleType) -> None:
    run = runs.oscillating(0)
    only = replace(run, losses={"train/loss": run.losses["train/loss"]})
    finding = LearningRateOscillation().check(only.history())
    assert isinstance(finding, Finding)
    assert finding.evidence[0].metric == "train/loss"


@pytest.mark.parametrize("is_recorded", [True, False])
def test_a_tenth_of_the_learning_rate_is_proposed(is_recorded: bool, runs: ModuleType) -> None:
    run = runs.oscillating(0)
    run = run if is_recorded else replace(run, others={})
    finding = LearningRateOscillation().check(run.history())
    assert isinstance(finding, Finding)
    lower, decay, *_ = finding.prescriptions
    assert (lower.current, lower.suggested) == ("0.1", "0.01")
    assert str(runs.STEPS) in decay.suggested


def test_swings_around_a_loss_that_is_nearly_zero_pass(runs: ModuleType) -> None:
    for seed in range(20):
        run = runs.oscillating(seed)
        lowered = run.having(train=np.maximum(run.values("train/loss") - 0.9, 0.01))
        assert isinstance(LearningRateOscillation().check(lowered.history()), Passed), seed


@pytest.mark.parametrize(("update", "expected"), [(2.0, Finding), (0.1, Passed)])
def test_steps_are_blamed_for_no_more_than_they_hold_up(
    update: float, expected: type, runs: ModuleType
) -> None:
    run = runs.oscillating(0)
    norms = (runs.steps(), np.full(runs.STEPS, update))
    recorded = replace(run, others={**run.others, "update_norm/global": norms})
    assert isinstance(LearningRateOscillation().check(recorded.history()), expected)


@pytest.mark.parametrize(("accuracy", "expected"), [(0.8, Finding), (0.97, Abstained)])
def test_swings_that_cost_no_accuracy_are_not_judged(
    accuracy: float, expected: type, runs: ModuleType
) -> None:
    run, at = runs.oscillating(0), runs.validated()
    rates = (at, accuracy + 0.01 * runs.noise(3, len(at)))
    known = replace(run, others={**run.others, "validation/accuracy": rates})
    assert isinstance(LearningRateOscillation().check(known.history()), expected)


@pytest.mark.parametrize(("swing", "least", "most"), [(0.015, 0, 0), (0.25, 15, 20)])
def test_few_rows_of_epochs_take_wider_swings(
    swing: float, least: int, most: int, runs: ModuleType
) -> None:
    at, found = np.arange(1.0, 41.0), 0
    for seed in range(20):
        losses = runs.fall(at, 2.3, 1.0, 3.0) + swing * runs.noise(seed, 40)
        rows = {"loss": list(zip(at, losses, strict=True))}
        outcome = LearningRateOscillation().check(RunHistory.from_series(rows, axis="epoch"))
        found += isinstance(outcome, Finding)
    assert least <= found <= most
