"""Exploding gradients: bursts out of proportion to the loss, in a run that was harmed by them."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from tuneguard.findings import Abstained, Finding, Passed
from tuneguard.history import Sampling
from tuneguard.rules.exploding_gradients import ExplodingGradients


@pytest.mark.parametrize("seed", range(20))
def test_every_burst_is_counted_from_the_first_on(seed: int, runs: ModuleType) -> None:
    finding = ExplodingGradients().check(runs.exploding(seed).history())
    assert isinstance(finding, Finding)
    first = 200 + 10 * (seed % 10)
    assert finding.evidence[0].steps == (first, first + 170)
    assert "burst 3 times" in finding.summary


def test_bursts_that_the_run_shrugged_off_pass(runs: ModuleType) -> None:
    for seed in range(20):
        norm = runs.exploding(seed).values("gradient_norm/global")
        outcome = ExplodingGradients().check(runs.healthy(seed).having(norm=norm).history())
        assert isinstance(outcome, Passed), seed


def test_a_gradient_that_is_large_because_its_loss_is_passes(runs: ModuleType) -> None:
    for seed in range(20):
        run = runs.exploding(seed, leap=50.0)
        train, norm = run.values("train/loss"), run.values("gradient_norm/global")
        burst = norm > 15.0
        train[burst] += 60.0
        assert burst.sum() == 3
        outcome = ExplodingGradients().check(run.having(train=train).history())
        assert isinstance(outcome, Passed), seed


def test_noise_by_a_factor_is_no_burst(runs: ModuleType) -> None:
    for seed in range(20):
        norm = np.exp(0.8 * runs.noise(seed, runs.STEPS))
        outcome = ExplodingGradients().check(runs.unlearned(seed).having(norm=norm).history())
        assert isinstance(outcome, Passed), seed


def test_an_infinite_norm_before_the_loss_is_lost_is_a_burst(runs: ModuleType) -> None:
    run = runs.not_a_number(0)
    norm = runs.healthy(0).values("gradient_norm/global")
    norm[299:] = np.inf
    finding = ExplodingGradients().check(run.having(norm=norm).history())
    assert isinstance(finding, Finding)
    assert (finding.evidence[0].value, finding.evidence[0].steps[0]) == (np.inf, 299.0)


@pytest.mark.parametrize("seed", range(5))
def test_clipping_is_proposed_at_the_90th_percentile_of_healthy_norms(
    seed: int, runs: ModuleType
) -> None:
    run = runs.exploding(seed)
    finding = ExplodingGradients().check(run.history())
    assert isinstance(finding, Finding)
    before = run.values("gradient_norm/global")[: 200 + 10 * seed]
    clip = finding.prescriptions[0]
    assert clip.parameter == "clip_norm"
    assert float(clip.suggested) == pytest.approx(np.percentile(before, 90.0), rel=0.05)


def test_a_thinned_norm_may_have_lost_its_bursts(runs: ModuleType) -> None:
    history = runs.exploding(0).history()
    key = "gradient_norm/global"
    thinned = replace(history.series[key], sampling=Sampling.THINNED)
    outcome = ExplodingGradients().check(replace(history, series={**history.series, key: thinned}))
    assert isinstance(outcome, Abstained)
    assert outcome.needs


def test_a_gradient_after_steps_without_any_is_no_burst(runs: ModuleType) -> None:
    for seed in range(20):
        norm = np.where(runs.steps() % 40 == 39, 0.3, 0.0)
        outcome = ExplodingGradients().check(runs.unlearned(seed).having(norm=norm).history())
        assert isinstance(outcome, Passed), seed
    nothing = runs.unlearned(0).having(norm=np.zeros(runs.STEPS)).history()
    assert isinstance(ExplodingGradients().check(nothing), Abstained)
