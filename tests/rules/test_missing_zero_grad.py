"""Gradients that pile up, as the recorder saw it."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from tuneguard import keys
from tuneguard.diagnosis import diagnose
from tuneguard.findings import Abstained, Finding, Passed
from tuneguard.rules.divergence import Divergence
from tuneguard.rules.missing_zero_grad import MissingZeroGrad


def carrying(runs: ModuleType, shares: list[float], seed: int = 0) -> object:
    at = np.arange(1.0, len(shares) + 1.0)
    return runs.beside(runs.healthy(seed), {keys.CARRIED_GRADIENT: (at, np.array(shares))})


@pytest.mark.parametrize("shares", [[1.0] * 6, [1.0, 1.0, 0.0, 1.0], [0.99] * 3])
def test_what_is_carried_over_was_not_zeroed(shares: list[float], runs: ModuleType) -> None:
    finding = MissingZeroGrad().check(carrying(runs, shares).history())
    assert isinstance(finding, Finding)
    assert finding.prescriptions[0].parameter == "zero_grad"


@pytest.mark.parametrize("shares", [[0.0] * 6, [1.0, 0.0, 0.0, 0.0], [0.5] * 6])
def test_a_step_that_began_anew_passes(shares: list[float], runs: ModuleType) -> None:
    assert isinstance(MissingZeroGrad().check(carrying(runs, shares).history()), Passed)


def test_without_a_look_nobody_can_tell(runs: ModuleType) -> None:
    for run in (runs.healthy(0), carrying(runs, [1.0, 1.0])):
        assert isinstance(MissingZeroGrad().check(run.history()), Abstained)


def test_what_follows_hangs_under_it(runs: ModuleType) -> None:
    at = np.arange(1.0, 7.0)
    run = runs.beside(runs.diverged(0), {keys.CARRIED_GRADIENT: (at, np.ones(6))})
    diagnosis = diagnose(run.history(), [Divergence, MissingZeroGrad])
    assert [one.rule for one in diagnosis.findings] == ["missing-zero-grad"]
    assert [one.rule for one in diagnosis.findings[0].symptoms] == ["divergence"]
