"""Frozen parameters: left out by mistake, or frozen on purpose."""

from __future__ import annotations

import json
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tuneguard.findings import Abstained, Finding, Passed, Severity
from tuneguard.rules.frozen_parameters import FrozenParameters


def knowing(run: Any, **facts: object) -> Any:
    return replace(
        run, params={**run.params, **{name: json.dumps(fact) for name, fact in facts.items()}}
    )


def without_gradient(runs: ModuleType, *layers: str) -> Any:
    """A run in which these layers never had a gradient, and did not move."""
    run = knowing(runs.frozen(0, layers), unoptimized_layers=[])
    norms = {
        key: points
        for key, points in run.norms.items()
        if key.removeprefix("gradient_norm/") not in layers
    }
    return replace(run, norms=norms)


@pytest.mark.parametrize("seed", range(10))
def test_layers_that_no_optimizer_holds_are_named(seed: int, runs: ModuleType) -> None:
    finding = FrozenParameters().check(runs.frozen(seed).history())
    assert isinstance(finding, Finding)
    assert finding.evidence[0].value == 0.5
    assert "layer0" in finding.summary
    assert "add_param_group" in finding.prescriptions[0].snippet
    assert '"lr": 0.1' in finding.prescriptions[0].snippet


def test_zero_updates_are_found_without_any_fact(runs: ModuleType) -> None:
    run = replace(runs.frozen(0), params=runs.PARAMS)
    finding = FrozenParameters().check(run.history())
    assert isinstance(finding, Finding)
    assert finding.evidence[0].value == 0.5


def test_where_nothing_moves_it_is_critical(runs: ModuleType) -> None:
    run = replace(runs.frozen(0, runs.LAYERS), params=runs.PARAMS)
    finding = FrozenParameters().check(run.history())
    assert isinstance(finding, Finding)
    assert finding.severity is Severity.CRITICAL
    assert finding.prescriptions[0].parameter == "learning_rate"


def test_layers_that_somebody_else_updates_pass(runs: ModuleType) -> None:
    run = knowing(runs.updated(runs.healthy(0), 0, {}), unoptimized_layers=["layer0"])
    assert isinstance(FrozenParameters().check(run.history()), Passed)


def test_layers_before_a_cut_of_the_graph_are_named(runs: ModuleType) -> None:
    finding = FrozenParameters().check(without_gradient(runs, "layer0", "layer1").history())
    assert isinstance(finding, Finding)
    assert finding.prescriptions[0].parameter == "graph"
    assert "layer1" in finding.prescriptions[0].action


def test_a_head_that_nobody_uses_passes(runs: ModuleType) -> None:
    for layer in ("layer7", "layer4"):
        history = without_gradient(runs, layer).history()
        assert isinstance(FrozenParameters().check(history), Passed), layer


def test_a_frozen_backbone_passes_unless_it_is_random(runs: ModuleType) -> None:
    backbone = list(runs.LAYERS[:6])
    run = knowing(without_gradient(runs, *backbone), frozen_layers=backbone)
    assert isinstance(FrozenParameters().check(run.history()), Passed)
    run = knowing(run, frozen_at_random_layers=backbone[:3])
    finding = FrozenParameters().check(run.history())
    assert isinstance(finding, Finding)
    assert finding.evidence[0].value == 0.375
    assert finding.prescriptions[0].parameter == "requires_grad"


def test_a_tiny_share_of_the_parameters_passes(runs: ModuleType) -> None:
    sizes = {**dict.fromkeys(runs.LAYERS, 1000), "layer0": 5}
    run = knowing(runs.frozen(0, ("layer0",)), layer_sizes=sizes)
    assert isinstance(FrozenParameters().check(run.history()), Passed)


def test_updates_lost_with_a_vanished_gradient_pass(runs: ModuleType) -> None:
    run = replace(runs.frozen(0, ("layer0",)), params=runs.PARAMS)
    lost = {"gradient_norm/layer0": (runs.steps(), np.full(runs.STEPS, 1e-9))}
    run = replace(run, norms={**run.norms, **lost})
    assert isinstance(FrozenParameters().check(run.history()), Passed)


def test_an_update_of_zero_now_and_then_passes(runs: ModuleType) -> None:
    run = runs.updated(runs.healthy(0), 0, {})
    values = run.others["update_ratio/layer0"][1].copy()
    values[300:] = 0.0
    run = runs.beside(run, {"update_ratio/layer0": (runs.steps(), values)})
    assert isinstance(FrozenParameters().check(run.history()), Passed)


def test_without_layers_it_says_what_to_record(runs: ModuleType) -> None:
    outcome = FrozenParameters().check(runs.healthy(0).history())
    assert isinstance(outcome, Abstained)
    assert "callback" in outcome.needs
