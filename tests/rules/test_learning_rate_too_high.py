"""Too high a learning rate: an overshoot that stayed, or huge updates that lead nowhere."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from tuneguard.findings import Abstained, Finding, Passed
from tuneguard.rules.learning_rate_too_high import LearningRateTooHigh


def test_an_overshoot_that_the_run_recovered_from_passes(runs: ModuleType) -> None:
    for seed in range(20):
        run = runs.healthy(seed)
        train = run.values("train/loss") + 8.0 * np.exp(-((runs.steps() - 8.0) ** 2) / 20.0)
        outcome = LearningRateTooHigh().check(run.having(train=train).history())
        assert isinstance(outcome, Passed), seed


@pytest.mark.parametrize("has_updates", [True, False])
def test_a_nan_without_an_overshoot_passes(has_updates: bool, runs: ModuleType) -> None:
    for seed in range(20):
        run = runs.not_a_number(seed)
        run = run if has_updates else replace(run, others={})
        assert isinstance(LearningRateTooHigh().check(run.history()), Passed), seed


def test_a_nan_after_an_overshoot_is_found(runs: ModuleType) -> None:
    run = runs.overshot(0)
    train = run.values("train/loss")
    train[40:] = np.nan
    finding = LearningRateTooHigh().check(run.having(train=train).history())
    assert isinstance(finding, Finding)
    assert finding.evidence[1].value == np.inf


def test_an_overshoot_after_small_updates_has_another_cause(runs: ModuleType) -> None:
    for seed in range(20):
        updates = runs.healthy(seed).values("update_ratio/global")
        run = runs.overshot(seed).having(updates=updates)
        assert isinstance(LearningRateTooHigh().check(run.history()), Passed), seed


@pytest.mark.parametrize(
    ("updates", "end", "pace", "expected"),
    [
        (0.05, 0.7, 60.0, Finding),
        (0.003, 0.7, 60.0, Passed),
        (0.05, 0.3, 60.0, Passed),
        (0.05, 0.3, 500.0, Passed),
    ],
    ids=["stuck", "small updates", "far down", "still falling"],
)
def test_stuck_half_way_takes_huge_updates_and_no_progress(
    updates: float, end: float, pace: float, expected: type, runs: ModuleType
) -> None:
    for seed in range(20):
        train = runs.fall(runs.steps(), runs.CHANCE, end * runs.CHANCE, pace)
        run = runs.healthy(seed).having(
            train=train + 0.05 * runs.noise(seed, runs.STEPS),
            updates=updates * np.exp(0.2 * runs.noise(seed + 1, runs.STEPS)),
        )
        assert isinstance(LearningRateTooHigh().check(run.history()), expected), seed


def test_a_loss_without_its_first_steps_has_no_reference(runs: ModuleType) -> None:
    run = runs.overshot(0)
    steps, loss = run.losses["train/loss"]
    late = replace(run, losses={"train/loss": (steps[50:], loss[50:])})
    outcome = LearningRateTooHigh().check(late.history())
    assert isinstance(outcome, Abstained)
    assert outcome.needs


@pytest.mark.parametrize(("ratio", "suggested"), [(0.04, "0.005"), (0.1, "0.002"), (5, "0.001")])
def test_the_proposed_rate_brings_updates_back_into_their_band(
    ratio: float, suggested: str, runs: ModuleType
) -> None:
    run = runs.overshot(0).having(updates=np.full(runs.STEPS, ratio))
    finding = LearningRateTooHigh().check(run.history())
    assert isinstance(finding, Finding)
    assert (finding.prescriptions[0].current, finding.prescriptions[0].suggested) == (
        "0.1",
        suggested,
    )


def test_evidence_names_the_thresholds_of_the_rule_that_was_asked(runs: ModuleType) -> None:
    rule = LearningRateTooHigh(min_overshoot=1.2, min_end=0.8, min_first_update_ratio=0.2)
    finding = rule.check(runs.overshot(0).history())
    assert isinstance(finding, Finding)
    assert [one.threshold for one in finding.evidence] == [1.2, 0.8, 0.2]
