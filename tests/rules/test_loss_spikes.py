"""Loss spikes: leaps that stand out of the run's own tail, several times."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from tuneguard.findings import Abstained, Finding, Passed
from tuneguard.history import RunHistory, Sampling
from tuneguard.rules.loss_spikes import LossSpikes


def test_every_spike_is_counted(runs: ModuleType) -> None:
    for seed in range(20):
        finding = LossSpikes().check(runs.spiked(seed).history())
        assert isinstance(finding, Finding), seed
        first = 150 + seed % 7
        assert finding.evidence[0].value == len(range(first, runs.STEPS, 90))
        assert finding.evidence[0].steps[0] == first


def test_single_batches_are_to_be_looked_at_first(runs: ModuleType) -> None:
    finding = LossSpikes().check(runs.spiked(0).history())
    assert isinstance(finding, Finding)
    assert finding.prescriptions[0].parameter == "data"
    assert "odd_steps = (150, 240" in finding.prescriptions[0].snippet


def test_a_gradient_that_leapt_before_is_to_be_clipped(runs: ModuleType) -> None:
    run = runs.spiked(0)
    norm = run.values("gradient_norm/global")
    norm[149::90] *= 40.0
    finding = LossSpikes().check(run.having(norm=norm).history())
    assert isinstance(finding, Finding)
    assert finding.prescriptions[0].parameter == "clip_norm"


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9])
def test_a_heavy_tail_makes_no_spikes(phi: float, runs: ModuleType) -> None:
    level = runs.fall(runs.steps(), runs.CHANCE, 0.3)
    for seed in range(30):
        train = level * np.exp(0.7 * runs.noise(seed, runs.STEPS, phi))
        outcome = LossSpikes().check(runs.healthy(seed).having(train=train).history())
        assert isinstance(outcome, Passed), seed


def test_two_spikes_and_blips_near_zero_pass(runs: ModuleType) -> None:
    for seed in range(20):
        two = runs.healthy(seed).values("train/loss")
        two[[200, 400]] += 2.0 * runs.CHANCE
        blips = runs.fall(runs.steps(), runs.CHANCE, 1e-4, 40.0)
        blips[400::40] += 0.2
        for train in (two, blips):
            outcome = LossSpikes().check(runs.healthy(seed).having(train=train).history())
            assert isinstance(outcome, Passed), seed


def test_a_thinned_loss_may_have_lost_its_spikes(runs: ModuleType) -> None:
    history: RunHistory = runs.spiked(0).history()
    thinned = replace(history.series["train/loss"], sampling=Sampling.THINNED)
    outcome = LossSpikes().check(
        replace(history, series={**history.series, "train/loss": thinned})
    )
    assert isinstance(outcome, Abstained)
    assert outcome.needs


def recurring(runs: ModuleType, seed: int, lasting: int = 1) -> RunHistory:
    """Every 25th batch has four times the usual loss, for so many steps."""
    train = runs.fall(runs.steps(), runs.CHANCE, 0.7) * np.exp(0.05 * runs.noise(seed, runs.STEPS))
    for step in range(lasting):
        train[20 + step :: 25] *= 4.0
    history: RunHistory = runs.healthy(seed).having(train=train).history()
    return history


def test_odd_batches_that_recur_are_found_though_each_block_has_one(runs: ModuleType) -> None:
    for seed in range(20):
        finding = LossSpikes().check(recurring(runs, seed))
        assert isinstance(finding, Finding), seed
        assert finding.evidence[0].value >= 20
        assert finding.evidence[0].steps[0] % 25 == 20
        assert finding.prescriptions[0].parameter == "data"


def test_a_level_that_switches_for_some_steps_is_no_odd_batch(runs: ModuleType) -> None:
    for seed in range(20):
        assert isinstance(LossSpikes().check(recurring(runs, seed, lasting=4)), Passed), seed
