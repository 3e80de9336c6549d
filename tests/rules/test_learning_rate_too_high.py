"""Too high a learning rate: an overshoot that stayed, or huge updates that lead nowhere."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from tuneguard.findings import Abstained, Finding, Passed
from tuneguard.history import RunHistory
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
    ("update", "end", "pace", "expected"),
    [
        (5.0, 0.7, 60.0, Finding),
        (0.1, 0.7, 60.0, Passed),
        (9.0, 0.1, 60.0, Passed),
        (5.0, 0.3, 500.0, Passed),
    ],
    ids=["stuck", "short steps, as with noisy labels", "far down", "still falling"],
)
def test_stuck_half_way_takes_a_loss_that_the_steps_hold_up(
    update: float, end: float, pace: float, expected: type, runs: ModuleType
) -> None:
    for seed in range(20):
        train = runs.fall(runs.steps(), runs.CHANCE, end * runs.CHANCE, pace)
        run = runs.healthy(seed).having(train=train + 0.05 * runs.noise(seed, runs.STEPS))
        norms = (runs.steps(), update * np.exp(0.2 * runs.noise(seed + 1, runs.STEPS)))
        recorded = replace(run, others={**run.others, "update_norm/global": norms})
        assert isinstance(LearningRateTooHigh().check(recorded.history()), expected), seed


def test_one_huge_update_and_a_loss_at_chance_level_are_found(runs: ModuleType) -> None:
    updates = np.full(runs.STEPS, 1e-5)
    updates[1] = 0.4
    for seed in range(20):
        run = runs.unlearned(seed)
        assert isinstance(LearningRateTooHigh().check(run.history()), Passed), seed
        finding = LearningRateTooHigh().check(run.having(updates=updates).history())
        assert isinstance(finding, Finding), seed
        assert finding.evidence[0].value == 0.4


def test_means_over_epochs_are_held_against_declared_classes(runs: ModuleType) -> None:
    thrown = runs.CHANCE * np.array([6.0, 1.05, *[1.0] * 28])
    learned = runs.CHANCE * np.array([1.4, *np.geomspace(0.9, 0.1, 29)])
    for losses, expected in ((thrown, Finding), (learned, Passed)):
        series = {"loss": list(enumerate(losses, 1))}
        history = RunHistory.from_series(series, {"num_classes": 10}, axis="epoch")
        assert isinstance(LearningRateTooHigh().check(history), expected)


def test_a_run_that_may_still_come_down_is_not_judged(runs: ModuleType) -> None:
    run = runs.overshot(0)
    history = run.history()
    loss = history.series["train/loss"]
    early = loss.where(loss.steps < 60)
    young = replace(history, status="running", series={**history.series, "train/loss": early})
    assert isinstance(LearningRateTooHigh().check(young), Abstained)
    assert isinstance(LearningRateTooHigh().check(replace(history, status="running")), Finding)


def test_a_loss_without_its_first_steps_has_no_reference(runs: ModuleType) -> None:
    run = runs.overshot(0)
    steps, loss = run.losses["train/loss"]
    late = replace(run, losses={"train/loss": (steps[50:], loss[50:])})
    outcome = LearningRateTooHigh().check(late.history())
    assert isinstance(outcome, Abstained)
    assert outcome.needs


@pytest.mark.parametrize(("ratio", "suggested"), [(0.06, "0.025"), (0.1, "0.015"), (5, "0.0003")])
def test_the_proposed_rate_brings_first_updates_to_what_is_usual(
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


@pytest.mark.parametrize(
    ("update", "level", "params", "expected"),
    [
        (0.8, 0.5, {}, Finding),
        (0.3, 0.5, {}, Passed),
        (0.8, 0.1, {}, Passed),
        (0.8, 0.5, {"lr": 0.5, "weight_decay": 2.0}, Passed),
    ],
    ids=["replaced", "smaller update", "mended", "weights decay as fast"],
)
def test_an_update_as_large_as_the_weights_replaces_the_initialisation(
    update: float, level: float, params: dict[str, float], expected: type, runs: ModuleType
) -> None:
    updates = np.full(runs.STEPS, 1e-3)
    updates[1] = update
    for seed in range(10):
        train = runs.fall(runs.steps(), runs.CHANCE, level * runs.CHANCE)
        run = runs.healthy(seed).having(train=train + 0.05 * runs.noise(seed, runs.STEPS))
        run = replace(run.having(updates=updates), params={**runs.PARAMS, **params})
        outcome = LearningRateTooHigh().check(run.history())
        assert isinstance(outcome, expected), seed
        if isinstance(outcome, Finding):
            assert outcome.evidence[0].value == pytest.approx(update)


def test_an_overshoot_that_the_run_recovered_from_is_found_after_such_an_update(
    runs: ModuleType,
) -> None:
    updates = np.full(runs.STEPS, 1e-3)
    updates[1] = 0.8
    for seed in range(10):
        run = runs.healthy(seed)
        train = run.values("train/loss") + 8.0 * np.exp(-((runs.steps() - 8.0) ** 2) / 20.0)
        changed = run.having(train=train, updates=updates)
        assert isinstance(LearningRateTooHigh().check(changed.history()), Finding), seed


def test_a_loss_that_begins_above_chance_level_was_not_thrown_there(runs: ModuleType) -> None:
    updates = np.full(runs.STEPS, 0.06)
    for seed in range(10):
        train = runs.fall(runs.steps(), 5.0 * runs.CHANCE, 0.9 * runs.CHANCE, 20.0)
        run = runs.healthy(seed).having(train=train, updates=updates)
        targets = 1.0 + 0.1 * runs.noise(seed, len(runs.validated()))
        loss = runs.CHANCE * targets
        score = 1.0 - targets
        run = replace(
            run,
            losses={**run.losses, "validation/loss": (runs.validated(), loss)},
            others={**run.others, "validation/r2": (runs.validated(), score)},
            params={"task": "regression"},
        )
        assert isinstance(LearningRateTooHigh().check(run.history()), Passed), seed


def rows(training: np.ndarray, accuracy: np.ndarray, seed: int) -> RunHistory:
    noise = 0.02 * np.random.default_rng(seed).normal(size=len(training))
    return RunHistory.from_series(
        {
            "loss": enumerate(training * np.exp(noise)),
            "val_loss": enumerate(training),
            "val_accuracy": enumerate(accuracy),
        },
        axis="epoch",
    )


def test_rows_far_above_any_chance_level_show_steps_that_went_too_far() -> None:
    guesses, learned = np.full(16, 0.2), np.linspace(0.2, 0.9, 16)
    stays, comes_back = np.linspace(9.0, 4.0, 16), np.full(16, 1.6)
    comes_back[0] = 80.0
    summed = 64.0 * np.linspace(1.6, 0.4, 16)
    for seed in range(10):
        for losses in (stays, comes_back):
            outcome = LearningRateTooHigh().check(rows(losses, guesses, seed))
            assert isinstance(outcome, Finding), seed
        healthy = LearningRateTooHigh().check(rows(summed, learned, seed))
        assert not isinstance(healthy, Finding), seed


def test_a_first_row_that_holds_a_high_start_is_no_overshoot() -> None:
    losses = np.full(16, 1.5)
    losses[0] = 4.0
    for seed in range(10):
        outcome = LearningRateTooHigh().check(rows(losses, np.full(16, 0.25), seed))
        assert isinstance(outcome, Passed), seed
