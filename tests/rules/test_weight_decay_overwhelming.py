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
    assert finding.evidence[1].value == pytest.approx(0.1 * 0.5 / 0.06, rel=0.05)
    fix = finding.prescriptions[0]
    assert (fix.parameter, fix.current) == ("weight_decay", "0.5")
    assert float(fix.suggested) == pytest.approx(0.5 * 0.05, rel=0.2)


def test_momentum_multiplies_what_decay_takes(runs: ModuleType) -> None:
    run = runs.decayed(0)
    run = replace(run, params={**run.params, "momentum": 0.9})
    finding = WeightDecayOverwhelming().check(run.history())
    assert isinstance(finding, Finding)
    assert finding.evidence[1].value == pytest.approx(10.0 * 0.1 * 0.5 / 0.06, rel=0.05)


def test_adam_with_l2_is_judged_by_the_weights_alone(runs: ModuleType) -> None:
    run = runs.decayed(0, decay=1e-3)
    assert isinstance(WeightDecayOverwhelming().check(run.history()), Passed)
    run = replace(run, params={**run.params, "optimizer": "Adam"})
    finding = WeightDecayOverwhelming().check(run.history())
    assert isinstance(finding, Finding)
    assert len(finding.evidence) == 2


def test_weights_that_grow_under_decay_pass(runs: ModuleType) -> None:
    for seed in range(20):
        outcome = WeightDecayOverwhelming().check(runs.decayed(seed, end=12.0).history())
        assert isinstance(outcome, Passed), seed


def test_weights_that_shrink_while_the_loss_falls_pass(runs: ModuleType) -> None:
    run = runs.decayed(0).having(train=runs.healthy(0).values("train/loss"))
    assert isinstance(WeightDecayOverwhelming().check(run.history()), Passed)


def test_without_decay_there_is_nothing_to_judge(runs: ModuleType) -> None:
    assert isinstance(WeightDecayOverwhelming().check(runs.decayed(0, 0.0).history()), Abstained)


def test_without_update_norms_it_says_what_to_record(runs: ModuleType) -> None:
    outcome = WeightDecayOverwhelming().check(runs.unlearned(0).history())
    assert isinstance(outcome, Abstained)
    assert "callback" in outcome.needs
