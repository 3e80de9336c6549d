"""The first loss, held against that of a uniform guess."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from tuneguard.findings import Abstained, Finding, Passed, Severity
from tuneguard.history import RunHistory
from tuneguard.rules.bad_initial_loss import BadInitialLoss


def test_a_run_that_is_slowed_by_it_is_warned(runs: ModuleType) -> None:
    for seed in range(20):
        finding = BadInitialLoss().check(runs.badly_begun(seed).history())
        assert isinstance(finding, Finding), seed
        assert finding.severity is Severity.WARNING
        assert finding.evidence[0].value == pytest.approx(6.0, rel=0.3)


def test_a_run_that_shrugs_it_off_is_told(runs: ModuleType) -> None:
    run = runs.healthy(0)
    train = run.values("train/loss")
    train[:3] += 5.0 * runs.CHANCE
    finding = BadInitialLoss().check(run.having(train=train).history())
    assert isinstance(finding, Finding)
    assert finding.severity is Severity.INFO


def test_an_overshoot_after_a_good_start_passes(runs: ModuleType) -> None:
    for seed in range(20):
        assert isinstance(BadInitialLoss().check(runs.overshot(seed).history()), Passed), seed


@pytest.mark.parametrize("params", [{}, {"task": "regression", "num_classes": 10}])
def test_without_classes_nobody_can_tell(params: dict[str, object], runs: ModuleType) -> None:
    run = replace(runs.badly_begun(0), params=params)
    assert isinstance(BadInitialLoss().check(run.history()), Abstained)


def test_a_sum_over_the_batch_is_no_bad_start_but_a_mean_is(runs: ModuleType) -> None:
    run = runs.healthy(0)
    train = 32.0 * run.values("train/loss")
    summed = replace(run.having(train=train), params={**runs.PARAMS, "batch_size": 32})
    assert isinstance(BadInitialLoss().check(summed.history()), Passed)
    graph = {"loss_graph": "NllLoss < LogSoftmax < Addmm"}
    mean = replace(summed, params={**summed.params, **graph})
    assert isinstance(BadInitialLoss().check(mean.history()), Finding)


def test_noise_by_a_factor_is_no_bad_start(runs: ModuleType) -> None:
    level = runs.fall(runs.steps(), runs.CHANCE, 0.3)
    found = 0
    for seed in range(60):
        train = level * np.exp(0.7 * runs.noise(seed, runs.STEPS))
        run = runs.healthy(seed).having(train=train)
        found += isinstance(BadInitialLoss().check(run.history()), Finding)
    assert found == 0


@pytest.mark.parametrize(("r2", "expected"), [(0.0, Finding), (0.6, Abstained)])
def test_a_regression_that_stays_below_the_mean_of_its_targets_began_too_high(
    r2: float, expected: type
) -> None:
    steps = np.arange(200.0)
    losses = 50.0 * np.exp(-steps / 20.0) + 4.0
    at = steps[19::20]
    history = RunHistory.from_series(
        {
            "train/loss": zip(steps, losses, strict=True),
            "validation/loss": zip(at, losses[19::20], strict=True),
            "validation/r2": zip(at, np.full(len(at), r2) + 0.1 * (at % 3) * r2, strict=True),
        },
        {"task": "regression", "loss_graph": "MseLoss < Addmm"},
        axis="step",
    )
    outcome = BadInitialLoss().check(history)
    assert isinstance(outcome, expected)
    if isinstance(outcome, Finding):
        assert outcome.severity is Severity.WARNING
        assert outcome.evidence[0].value == pytest.approx(losses[0] / losses[199], rel=0.01)
