"""Saturated units: stuck at their ends from the start, or grown sure of themselves."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from tuneguard.findings import Abstained, Finding, Passed
from tuneguard.rules.saturated_units import SaturatedUnits


@pytest.mark.parametrize("seed", range(20))
def test_weights_are_to_blame_where_all_layers_are_saturated(seed: int, runs: ModuleType) -> None:
    finding = SaturatedUnits().check(runs.saturated(seed).history())
    assert isinstance(finding, Finding)
    assert finding.evidence[0].metric == "saturated_units/1"
    assert finding.evidence[0].value == pytest.approx(0.95, abs=0.02)
    assert finding.prescriptions[0].parameter == "initialisation"


def test_inputs_are_to_blame_where_only_the_first_layer_is(runs: ModuleType) -> None:
    finding = SaturatedUnits().check(runs.saturated(0, (0.97, 0.1, 0.05)).history())
    assert isinstance(finding, Finding)
    assert finding.prescriptions[0].parameter == "input_scale"


def test_units_that_saturate_late_pass(runs: ModuleType) -> None:
    at = runs.looked_at()
    grown = 0.9 * np.clip(at / 300.0, 0.0, 1.0)
    run = runs.beside(runs.unlearned(0), {"saturated_units/1": (at, grown)})
    assert isinstance(SaturatedUnits().check(run.history()), Passed)


def test_saturated_units_of_a_run_that_learned_pass(runs: ModuleType) -> None:
    for seed in range(20):
        run = runs.of_units(runs.healthy(seed), "saturated_units", seed, (0.85, 0.8))
        assert isinstance(SaturatedUnits().check(run.history()), Passed), seed


def test_half_of_the_outputs_saturated_pass(runs: ModuleType) -> None:
    outcome = SaturatedUnits().check(runs.saturated(0, (0.6, 0.5)).history())
    assert isinstance(outcome, Passed)


def test_steps_as_large_as_the_weights_may_have_done_it(runs: ModuleType) -> None:
    run = runs.saturated(0).having(updates=np.where(runs.steps() < 10, 0.9, 1e-3))
    assert isinstance(SaturatedUnits().check(run.history()), Abstained)


def test_rows_of_a_softmax_are_not_judged(runs: ModuleType) -> None:
    run = runs.saturated(0)
    for activations, expected in (("GELU, Softmax", Abstained), ("Tanh, Softmax", Finding)):
        known = replace(run, params={**run.params, "activations": activations})
        assert isinstance(SaturatedUnits().check(known.history()), expected)


def test_layers_are_counted_in_their_order_not_in_that_of_their_names(runs: ModuleType) -> None:
    at = runs.looked_at()
    shares = {"2": 0.95, "10": 0.1}
    run = runs.beside(
        runs.unlearned(0),
        {f"saturated_units/{name}": (at, np.full(len(at), one)) for name, one in shares.items()},
    )
    finding = SaturatedUnits().check(run.history())
    assert isinstance(finding, Finding)
    assert finding.prescriptions[0].parameter == "input_scale"


def test_without_shares_of_units_it_says_what_to_record(runs: ModuleType) -> None:
    outcome = SaturatedUnits().check(runs.unlearned(0).history())
    assert isinstance(outcome, Abstained)
    assert "callback" in outcome.needs


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        ("NllLoss < LogSoftmax < Mul < Tanh < Addmm", Finding),
        ("NllLoss < LogSoftmax < Addmm", Passed),
        ("BinaryCrossEntropy < Sigmoid < Addmm", Passed),
    ],
)
def test_outputs_that_grow_to_their_bounds_are_found_where_the_loss_comes_through_them(
    graph: str, expected: type, runs: ModuleType
) -> None:
    at = runs.looked_at()
    grown = 0.9 * np.clip(at / 300.0, 0.0, 1.0)
    run = runs.beside(runs.unlearned(0), {"saturated_units/1": (at, grown)})
    outcome = SaturatedUnits().check(
        replace(run, params={**run.params, "loss_graph": graph}).history()
    )
    assert isinstance(outcome, expected)
    if isinstance(outcome, Finding):
        assert [fix.parameter for fix in outcome.prescriptions] == ["output_activation"]
