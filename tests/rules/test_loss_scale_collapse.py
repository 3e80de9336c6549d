"""Steps that mixed precision skips, told from those that cost nothing."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from tuneguard import keys
from tuneguard.findings import Abstained, Finding, Passed
from tuneguard.rules.loss_scale_collapse import LossScaleCollapse


def skipped(runs: ModuleType, at: np.ndarray, *, overflows: bool = True) -> object:
    run = runs.healthy(0)
    if overflows:
        norm = run.values("gradient_norm/global")
        norm[at] = np.inf
        run = run.having(norm=norm)
    counts = np.arange(1.0, len(at) + 1.0)
    return runs.beside(run, {keys.SKIPPED_STEPS: (at.astype(float), counts)})


@pytest.mark.parametrize(
    "at",
    [np.arange(0, 600, 4), np.arange(400, 600)],
    ids=["all through the run", "from two thirds on"],
)
def test_steps_skipped_again_and_again(at: np.ndarray, runs: ModuleType) -> None:
    finding = LossScaleCollapse().check(skipped(runs, at).history())
    assert isinstance(finding, Finding)
    assert finding.evidence[0].value == pytest.approx(
        np.mean(np.isin(range(40, 600), at)), abs=0.02
    )


@pytest.mark.parametrize(
    "at",
    [np.arange(25), np.arange(20, 600, 60), np.arange(200, 240)],
    ids=["while the scale is found", "now and then", "in one place"],
)
def test_what_a_scaler_does_anyway_passes(at: np.ndarray, runs: ModuleType) -> None:
    assert isinstance(LossScaleCollapse().check(skipped(runs, at).history()), Passed)


def test_an_accumulation_that_was_not_declared_is_no_collapse(runs: ModuleType) -> None:
    at = np.flatnonzero(np.arange(600) % 4 != 3)
    outcome = LossScaleCollapse().check(skipped(runs, at, overflows=False).history())
    assert isinstance(outcome, Abstained)
    assert "accumulate" in outcome.needs


def test_a_run_that_skips_nothing_has_nothing_to_judge(runs: ModuleType) -> None:
    assert isinstance(LossScaleCollapse().check(runs.healthy(0).history()), Abstained)
