"""Inputs off unit scale, in a network that suffers by it."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np

from tuneguard.diagnosis import diagnose
from tuneguard.findings import Abstained, Finding, Passed
from tuneguard.rules.bad_initial_loss import BadInitialLoss
from tuneguard.rules.input_scale import InputScale


def test_the_measured_scale_is_what_the_fix_divides_by(runs: ModuleType) -> None:
    for seed in range(10):
        finding = InputScale().check(runs.unscaled(seed).history())
        assert isinstance(finding, Finding), seed
        fix = finding.prescriptions[0]
        assert fix.current is not None
        assert fix.current.startswith("mean 3")
        assert "mean, deviation = (3" in fix.snippet


def test_a_bad_first_loss_is_its_symptom(runs: ModuleType) -> None:
    diagnosis = diagnose(runs.unscaled(0).history(), [BadInitialLoss, InputScale])
    assert [one.rule for one in diagnosis.findings] == ["input-scale"]
    assert [one.rule for one in diagnosis.findings[0].symptoms] == ["bad-initial-loss"]


def test_large_inputs_that_do_no_harm_pass(runs: ModuleType) -> None:
    others = runs.unscaled(0).others
    run = replace(runs.healthy(0), others={**runs.healthy(0).others, **others})
    assert isinstance(InputScale().check(run.history()), Passed)


def test_a_bad_first_loss_with_unit_inputs_passes(runs: ModuleType) -> None:
    run = runs.badly_begun(0)
    at = runs.steps()[16::40]
    units = {"input/mean": (at, 0.0 * at), "input/standard_deviation": (at, 1.0 + 0.0 * at)}
    assert isinstance(InputScale().check(runs.beside(run, units).history()), Passed)


def test_unmeasured_inputs_take_a_first_layer_out_of_proportion(runs: ModuleType) -> None:
    run = runs.badly_begun(0)
    assert isinstance(InputScale().check(run.history()), Passed)
    norms = dict(run.norms)
    at, norm = norms["gradient_norm/layer0"]
    norms["gradient_norm/layer0"] = (at, 50.0 * norm)
    finding = InputScale().check(replace(run, norms=norms).history())
    assert isinstance(finding, Finding)
    assert len(finding.evidence) == 2


def test_a_loss_alone_says_nothing_of_inputs(runs: ModuleType) -> None:
    run = replace(runs.healthy(0), norms={}, params={})
    assert isinstance(InputScale().check(run.history()), Abstained)


def test_harm_is_a_share_of_what_there_was_to_learn(runs: ModuleType) -> None:
    run = runs.unscaled(0).having(train=np.linspace(runs.CHANCE, 0.6 * runs.CHANCE, runs.STEPS))
    finding = InputScale().check(run.history())
    assert isinstance(finding, Finding)
    assert 0.55 <= finding.evidence[0].value <= 0.7
