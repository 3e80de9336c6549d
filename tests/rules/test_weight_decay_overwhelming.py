"""Weight decay: one that shrinks the weights to nothing, and ordinary ones."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import pytest

from tuneguard.findings import Abstained, Finding, Passed
from tuneguard.rules.weight_decay_overwhelming import WeightDecayOverwhelming


@pytest.mark.parametrize("seed", range(20))
def test_weights_that_decayed_to_nothing_are_found(seed: int, runs: ModuleType) -> None:
    finding = WeightDecayOverwhelming().check(runs.decayed(seed).history())
    assert isinstance(finding, Finding)
    assert finding.evidence[0].value < 0.05
    assert finding.evidence[1].value == pytest.approx(0.1 * 0.5 / 0.06, rel=0.2)
    fix = finding.prescriptions[0]
    assert (fix.parameter, fix.current) == ("weight_decay", "0.5")
    assert float(fix.suggested) == pytest.approx(0.5 * 0.02 / (0.1 * 0.5 / 0.06), rel=0.2)


@pytest.mark.parametrize(("gradient", "expected"), [(20.0, Finding), (800.0, Passed)])
def test_adam_with_l2_is_judged_by_the_gradient_that_decay_is_added_to(
    gradient: float, expected: type, runs: ModuleType
) -> None:
    run = runs.decayed(0).having(norm=gradient + 0.0 * runs.steps())
    run = replace(run, params={**run.params, "optimizer": "Adam"})
    outcome = WeightDecayOverwhelming().check(run.history())
    assert isinstance(outcome, expected)
    assert outcome.evidence[1].value == pytest.approx(0.5 * 8.0 / gradient, rel=0.1)


def test_steps_that_are_too_long_are_not_put_down_to_an_ordinary_decay(runs: ModuleType) -> None:
    for seed in range(20):
        outcome = WeightDecayOverwhelming().check(runs.decayed(seed, decay=1e-3).history())
        assert isinstance(outcome, Passed), seed


def test_weights_that_grow_under_decay_pass(runs: ModuleType) -> None:
    for seed in range(20):
        outcome = WeightDecayOverwhelming().check(runs.decayed(seed, end=12.0).history())
        assert isinstance(outcome, Passed), seed


def test_weights_that_shrink_while_the_loss_falls_pass(runs: ModuleType) -> None:
    run = runs.decayed(0).having(train=runs.healthy(0).values("train/loss"))
    assert isinstance(WeightDecayOverwhelming().check(run.history()), Passed)


@pytest.mark.parametrize(("left", "expected"), [(0.25, Finding), (0.15, Passed)])
def test_a_fifth_of_chance_level_is_what_decay_may_leave(
    left: float, expected: type, runs: ModuleType
) -> None:
    fallen = runs.fall(runs.steps(), runs.CHANCE, left * runs.CHANCE, 30.0)
    run = runs.decayed(0).having(train=fallen + 0.01 * runs.noise(0, 600))
    assert isinstance(WeightDecayOverwhelming().check(run.history()), expected)


def test_without_decay_there_is_nothing_to_judge(runs: ModuleType) -> None:
    assert isinstance(WeightDecayOverwhelming().check(runs.decayed(0, 0.0).history()), Abstained)


def test_without_update_norms_it_says_what_to_record(runs: ModuleType) -> None:
    outcome = WeightDecayOverwhelming().check(runs.unlearned(0).history())
    assert isinstance(outcome, Abstained)
    assert "callback" in outcome.needs
