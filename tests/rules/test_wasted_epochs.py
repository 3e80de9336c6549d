"""Wasted epochs: since when, and how short the next run may be."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import pytest

from tuneguard.diagnosis import diagnose
from tuneguard.findings import Abstained, Finding, Passed
from tuneguard.rules.overfitting import Overfitting
from tuneguard.rules.wasted_epochs import WastedEpochs


@pytest.mark.parametrize("seed", range(20))
def test_a_shorter_run_is_proposed(seed: int, runs: ModuleType) -> None:
    finding = WastedEpochs().check(runs.flat_for_long(seed).history())
    assert isinstance(finding, Finding)
    since, last = finding.evidence[0].steps
    assert 19 <= since <= 90
    shorter = finding.prescriptions[0]
    assert (shorter.current, since < int(shorter.suggested) < last) == ("599", True)


@pytest.mark.parametrize("pace", [60.0, 120.0, 600.0])
def test_what_is_gained_late_is_not_wasted(pace: float, runs: ModuleType) -> None:
    for seed in range(20):
        validation = runs.fall(runs.validated(), runs.CHANCE, 0.4, pace)
        validation += 0.02 * runs.noise(seed, len(validation))
        history = runs.flat_for_long(seed).having(validation=validation).history()
        assert isinstance(WastedEpochs().check(history), Passed), seed


def test_a_run_that_gained_nothing_at_all_passes(runs: ModuleType) -> None:
    for seed in range(20):
        assert isinstance(WastedEpochs().check(runs.unlearned(seed).history()), Passed), seed


def test_a_run_that_is_going_on_is_not_judged(runs: ModuleType) -> None:
    history = replace(runs.flat_for_long(0).history(), status="running")
    assert isinstance(WastedEpochs().check(history), Abstained)


def test_overfitting_is_the_cause(runs: ModuleType) -> None:
    run = runs.flat_for_long(0).having(train=runs.overfitted(0).values("train/loss"))
    at, loss = run.losses["validation/loss"]
    climbing = replace(run, losses={**run.losses, "validation/loss": (at, loss + 0.001 * at)})
    findings = diagnose(climbing.history(), [Overfitting, WastedEpochs]).findings
    assert [finding.rule for finding in findings] == ["overfitting"]
    assert [finding.rule for finding in findings[0].symptoms] == ["wasted-epochs"]
