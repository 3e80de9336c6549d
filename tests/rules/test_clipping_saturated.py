"""Clipping: of rare bursts, of most steps, and of steps that go far enough all the same."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from tuneguard.findings import Abstained, Finding, Passed
from tuneguard.rules.clipping_saturated import ClippingSaturated


@pytest.mark.parametrize("seed", range(20))
def test_a_limit_far_below_the_norm_is_found(seed: int, runs: ModuleType) -> None:
    run = runs.clipped(seed)
    finding = ClippingSaturated().check(run.history())
    assert isinstance(finding, Finding)
    assert finding.evidence[0].value == pytest.approx(0.03 * np.exp(0.2 * 1.28), rel=0.1)
    limit = float(finding.prescriptions[0].suggested)
    norm = run.values("gradient_norm/global")
    assert limit == pytest.approx(np.percentile(norm, 90.0), rel=0.05)


@pytest.mark.parametrize("factor", [0.25, 0.5, 2.0])
def test_mild_or_rare_clipping_passes(factor: float, runs: ModuleType) -> None:
    for seed in range(10):
        assert isinstance(ClippingSaturated().check(runs.clipped(seed, factor).history()), Passed)


def test_hard_clipping_of_a_tenth_of_the_steps_passes(runs: ModuleType) -> None:
    factors = np.where(np.arange(runs.STEPS) % 5 == 0, 0.01, 1.0)
    run = runs.beside(runs.clipped(0), {"gradient_clipping/factor": (runs.steps(), factors)})
    assert isinstance(ClippingSaturated().check(run.history()), Passed)


def test_hard_clipping_under_a_rate_that_makes_up_for_it_passes(runs: ModuleType) -> None:
    updates = np.full(runs.STEPS, 6e-3)
    assert isinstance(
        ClippingSaturated().check(runs.clipped(0).having(updates=updates).history()), Passed
    )


def test_hard_clipping_of_a_run_that_learned_passes(runs: ModuleType) -> None:
    run = runs.clipped(0).having(train=runs.healthy(0).values("train/loss"))
    assert isinstance(ClippingSaturated().check(run.history()), Passed)


def test_adam_takes_no_harm_from_a_constant_factor(runs: ModuleType) -> None:
    run = runs.clipped(0)
    outcome = ClippingSaturated().check(
        replace(run, params={**run.params, "optimizer": "AdamW"}).history()
    )
    assert isinstance(outcome, Abstained)
    assert "AdamW" in outcome.reason


def test_where_no_clipping_was_measured_it_abstains(runs: ModuleType) -> None:
    outcome = ClippingSaturated().check(runs.unlearned(0).history())
    assert isinstance(outcome, Abstained)
    assert "on_after_backward" in outcome.needs
