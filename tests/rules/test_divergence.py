"""Divergence: what was gained and lost for good."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from tuneguard.findings import Abstained, Finding, Passed
from tuneguard.history import RunHistory
from tuneguard.rules.divergence import Divergence


@pytest.mark.parametrize("seed", range(20))
def test_the_turning_point_is_found(seed: int, runs: ModuleType) -> None:
    finding = Divergence().check(runs.diverged(seed).history())
    assert isinstance(finding, Finding)
    assert 200 <= finding.first_step <= 340


@pytest.mark.parametrize("width", [1, 20, 120])
def test_a_spike_that_the_run_came_back_from_passes(width: int, runs: ModuleType) -> None:
    for seed in range(20):
        run = runs.healthy(seed)
        train = run.values("train/loss")
        train[350 : 350 + width] += 20.0
        assert isinstance(Divergence().check(run.having(train=train).history()), Passed), seed


def test_a_spike_at_the_very_end_is_not_yet_a_divergence(runs: ModuleType) -> None:
    run = runs.healthy(0)
    train = run.values("train/loss")
    train[-5:] += 20.0
    assert isinstance(Divergence().check(run.having(train=train).history()), Passed)


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9])
def test_at_most_4_in_100_losses_that_only_wander_are_found(phi: float, runs: ModuleType) -> None:
    found = 0
    for seed in range(100):
        run = runs.healthy(seed).having(train=2.0 + 0.1 * runs.noise(seed, runs.STEPS, phi))
        found += isinstance(Divergence().check(run.history()), Finding)
    assert found <= 4


@pytest.mark.parametrize("count", [20, 600])
def test_a_flat_loss_had_nothing_to_lose_and_is_not_passed(count: int, runs: ModuleType) -> None:
    passed = 0
    for seed in range(50):
        flat = enumerate(1.0 + 0.01 * runs.noise(seed, count))
        outcome = Divergence().check(RunHistory.from_series({"loss": flat}))
        passed += isinstance(outcome, Passed)
    assert passed <= 4


def test_a_loss_that_only_rises_is_found(runs: ModuleType) -> None:
    for seed in range(20):
        train = 2.3 + runs.steps() / 100.0 + 0.05 * runs.noise(seed, runs.STEPS)
        outcome = Divergence().check(runs.healthy(seed).having(train=train).history())
        assert isinstance(outcome, Finding), seed


@pytest.mark.parametrize(("turn", "parameter"), [(20, "warmup_steps"), (300, "early_stopping")])
def test_an_early_departure_calls_for_a_warm_up_a_late_one_for_the_best_weights(
    turn: int, parameter: str, runs: ModuleType
) -> None:
    train = 2.0 + np.abs(runs.steps() - turn) / 200.0
    finding = Divergence().check(runs.healthy(0).having(train=train).history())
    assert isinstance(finding, Finding)
    assert [fix.parameter for fix in finding.prescriptions] == ["learning_rate", parameter]


def test_a_validation_loss_alone_can_pass_but_never_be_called_divergence(
    runs: ModuleType,
) -> None:
    falling = {"val_loss": [(step, 1.0 / (1.0 + step)) for step in range(30)]}
    turning = {"val_loss": [(step, abs(step - 10) + 1.0) for step in range(30)]}
    assert isinstance(Divergence().check(RunHistory.from_series(falling)), Passed)
    assert isinstance(Divergence().check(RunHistory.from_series(turning)), Abstained)


@pytest.mark.parametrize("decimals", [None, 3, 2])
@pytest.mark.parametrize("count", [8, 10, 15, 30])
def test_a_short_loss_of_noise_alone_is_neither_found_nor_passed(
    count: int, decimals: int | None, runs: ModuleType
) -> None:
    judged = 0
    for seed in range(100):
        loss = 0.693 + 0.01 * runs.noise(seed, count)
        loss = loss if decimals is None else np.round(loss, decimals)
        outcome = Divergence().check(RunHistory.from_series({"loss": enumerate(loss)}))
        judged += not isinstance(outcome, Abstained)
    assert judged <= 3


@pytest.mark.parametrize("count", [10, 20, 100])
def test_a_smooth_loss_is_judged_at_any_length(count: int) -> None:
    time = np.linspace(0.0, 1.0, count)
    falling, turning = np.exp(-4.0 * time), np.abs(time - 0.4)
    outcomes = [
        Divergence().check(RunHistory.from_series({"loss": enumerate(loss)}))
        for loss in (falling, turning)
    ]
    assert isinstance(outcomes[0], Passed)
    assert isinstance(outcomes[1], Finding)
