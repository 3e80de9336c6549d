"""A plateau that shorter steps would leave, and those that they would not."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from tuneguard.findings import Abstained, Finding, Passed, Severity
from tuneguard.rules.loss_plateau import LossPlateau


@pytest.mark.parametrize(
    ("end", "update", "severity"),
    [
        (0.5, 2.0, Severity.WARNING),
        (0.5, 1.3, Severity.INFO),
        (0.5, 0.3, None),
        (0.1, 2.0, None),
        (0.99, 2.0, None),
    ],
    ids=["held up", "a little", "noisy labels", "far down", "nothing learned"],
)
def test_it_takes_a_loss_that_long_steps_hold_up(
    end: float, update: float, severity: Severity | None, runs: ModuleType
) -> None:
    for seed in range(10):
        outcome = LossPlateau().check(runs.held_up(seed, end, update).history())
        if severity is None:
            assert isinstance(outcome, Passed), seed
        else:
            assert isinstance(outcome, Finding), seed
            assert outcome.severity == severity, seed


def test_a_loss_that_still_falls_passes(runs: ModuleType) -> None:
    for seed in range(10):
        train = runs.fall(runs.steps(), runs.CHANCE, 0.4 * runs.CHANCE, 400.0)
        run = runs.held_up(seed).having(train=train + 0.05 * runs.noise(seed, runs.STEPS))
        assert isinstance(LossPlateau().check(run.history()), Passed), seed


@pytest.mark.parametrize("excuse", ["decayed", "cyclic", "running", "no norms"])
def test_what_is_not_a_constant_rate_at_its_end_is_not_judged(
    excuse: str, runs: ModuleType
) -> None:
    run, at = runs.held_up(0), runs.steps()
    if excuse == "decayed":
        run = run.having(rate=np.where(at < 250, 0.1, 0.01))
    elif excuse == "cyclic":
        run = run.having(rate=0.02 + 0.08 * np.abs((at % 120.0) / 60.0 - 1.0))
    elif excuse == "no norms":
        run = replace(run, norms={})
    history = run.history()
    history = replace(history, status="running") if excuse == "running" else history
    assert isinstance(LossPlateau().check(history), Abstained)


def test_it_says_when_the_loss_settled(runs: ModuleType) -> None:
    finding = LossPlateau().check(runs.held_up(0).history())
    assert isinstance(finding, Finding)
    assert finding.view is not None
    (settled, _) = finding.view.marks[0]
    assert 60.0 <= settled <= 250.0
