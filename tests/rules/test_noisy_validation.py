"""Noisy validation: by a wide margin, and not because training swings."""

from __future__ import annotations

from types import ModuleType

import pytest

from tuneguard.findings import Finding, Passed
from tuneguard.rules.noisy_validation import NoisyValidation


@pytest.mark.parametrize("seed", range(20))
def test_more_samples_follow_from_the_noise(seed: int, runs: ModuleType) -> None:
    finding = NoisyValidation().check(runs.jumpy(seed).history())
    assert isinstance(finding, Finding)
    times = float(finding.prescriptions[0].suggested.split()[0])
    assert times == pytest.approx(min(100.0, (10.0 * finding.evidence[0].value) ** 2), abs=5.0)


@pytest.mark.parametrize("spread", [0.05, 0.2, 0.4])
def test_ordinary_noise_passes(spread: float, runs: ModuleType) -> None:
    for seed in range(20):
        run = runs.healthy(seed)
        validation = run.values("validation/loss")
        validation += spread * runs.noise(seed + 1, len(validation))
        outcome = NoisyValidation().check(run.having(validation=validation).history())
        assert isinstance(outcome, Passed), seed


def test_swings_of_training_are_another_matter(runs: ModuleType) -> None:
    for seed in range(20):
        outcome = NoisyValidation().check(runs.oscillating(seed).history())
        assert isinstance(outcome, Passed), seed
