"""Dead units: dead from the start, killed by large steps, or merely quiet."""

from __future__ import annotations

import json
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tuneguard.findings import Abstained, Finding, Passed
from tuneguard.history import RunHistory
from tuneguard.rules.dead_units import DeadUnits


def dying(runs: ModuleType, seed: int, first_update: float) -> Any:
    """Units of a layer die within the first tenth of a run that learns nothing."""
    at = runs.looked_at()
    shares = np.where(at < 60.0, 0.4, 0.99)
    updates = np.where(runs.steps() < 10, first_update, 1e-4)
    run = runs.beside(runs.unlearned(seed), {"dead_units/1": (at, shares)})
    return run.having(updates=updates)


@pytest.mark.parametrize("seed", range(20))
def test_the_layer_with_most_dead_units_is_named(seed: int, runs: ModuleType) -> None:
    finding = DeadUnits().check(runs.dead(seed).history())
    assert isinstance(finding, Finding)
    assert finding.evidence[0].metric == "dead_units/3"
    assert finding.evidence[0].value == pytest.approx(0.97, abs=0.02)
    assert finding.prescriptions[0].parameter == "initialisation"


def test_a_quarter_of_dead_units_passes(runs: ModuleType) -> None:
    for seed in range(20):
        outcome = DeadUnits().check(runs.dead(seed, (0.25, 0.4, 0.5)).history())
        assert isinstance(outcome, Passed), seed


def test_dead_units_of_a_run_that_learned_pass(runs: ModuleType) -> None:
    for seed in range(20):
        run = runs.of_units(runs.healthy(seed), "dead_units", seed, (0.3, 0.9, 0.6))
        assert isinstance(DeadUnits().check(run.history()), Passed), seed


def test_one_narrow_layer_of_many_half_dead_ones_passes(runs: ModuleType) -> None:
    shares = (0.5, 0.45, 0.6, 0.74, 0.5, 0.55)
    assert isinstance(DeadUnits().check(runs.dead(0, shares).history()), Passed)


@pytest.mark.parametrize(("parameters", "expected"), [(2, Abstained), (90, Finding)])
def test_a_layer_of_one_unit_is_too_narrow_to_speak_of_death(
    parameters: int, expected: type, runs: ModuleType
) -> None:
    sizes = json.dumps({"0": 21, "2": parameters, "4": 10})
    run = runs.dead(0)
    run = replace(run, params={**run.params, "layer_sizes": sizes})
    assert isinstance(DeadUnits().check(run.history()), expected)


def test_units_that_large_steps_killed_ask_for_a_lower_rate(runs: ModuleType) -> None:
    finding = DeadUnits().check(dying(runs, 0, 2.0).history())
    assert isinstance(finding, Finding)
    assert finding.evidence[2].value == 2.0
    assert finding.prescriptions[0].parameter == "learning_rate"
    assert float(finding.prescriptions[0].suggested) < 0.1


def test_units_that_died_of_nothing_visible_prove_nothing(runs: ModuleType) -> None:
    assert isinstance(DeadUnits().check(dying(runs, 0, 3e-3).history()), Abstained)


def with_silence(runs: ModuleType, last: float, activations: str | None = None) -> RunHistory:
    """Functional activations: only shares of units without a gradient are known."""
    run, at = runs.unlearned(0), runs.looked_at()
    shares = dict(zip(runs.LAYERS, [1.0, 1.0, 0.96, 0.2, 0.1, 0.1, 0.1, last], strict=True))
    run = runs.beside(
        run,
        {
            f"zero_gradient_units/{name}": (at, np.full(len(at), share))
            for name, share in shares.items()
        },
    )
    if activations is not None:
        run = runs.of_units(run, "saturated_units", 0, (0.9,))
        run = replace(run, params={**run.params, "activations": activations})
    return run.history()


def test_a_functional_relu_is_seen_by_what_gets_no_gradient(runs: ModuleType) -> None:
    finding = DeadUnits().check(with_silence(runs, 0.0))
    assert isinstance(finding, Finding)
    assert finding.evidence[0].metric == "zero_gradient_units/layer1"


@pytest.mark.parametrize(("last", "activations"), [(1.0, None), (0.0, "Tanh")])
def test_silence_for_another_reason_is_not_death(
    last: float, activations: str | None, runs: ModuleType
) -> None:
    assert isinstance(DeadUnits().check(with_silence(runs, last, activations)), Abstained)


def test_a_run_that_goes_on_may_still_learn(runs: ModuleType) -> None:
    history = replace(runs.dead(0).history(), status="running", planned_steps=2000)
    assert isinstance(DeadUnits().check(history), Abstained)
    assert isinstance(DeadUnits().check(replace(history, planned_steps=1000)), Finding)


def test_without_shares_of_units_it_says_what_to_record(runs: ModuleType) -> None:
    outcome = DeadUnits().check(runs.unlearned(0).history())
    assert isinstance(outcome, Abstained)
    assert "callback" in outcome.needs
