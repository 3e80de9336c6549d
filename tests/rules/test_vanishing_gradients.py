"""Vanishing gradients: norms that fade towards the input, in a run that does not learn."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from tuneguard.findings import Abstained, Finding, Passed
from tuneguard.rules.vanishing_gradients import VanishingGradients


@pytest.mark.parametrize("seed", range(20))
def test_the_layer_that_gets_least_is_named(seed: int, runs: ModuleType) -> None:
    finding = VanishingGradients().check(runs.vanishing(seed).history())
    assert isinstance(finding, Finding)
    assert finding.evidence[0].metric == "gradient_norm/layer0"
    assert finding.evidence[0].value == pytest.approx(0.2**7, rel=0.2)
    assert finding.evidence[1].value == 1.0


def test_norms_that_fade_towards_the_output_pass(runs: ModuleType) -> None:
    for seed in range(20):
        run = runs.vanishing(seed, layers=runs.LAYERS[::-1])
        assert isinstance(VanishingGradients().check(run.history()), Passed), seed


def test_layers_count_in_the_order_of_the_model_not_of_their_names(runs: ModuleType) -> None:
    names = ("stem", "zero", "one", "two", "three", "four", "five", "head")
    run = runs.vanishing(0)
    norms = {
        f"gradient_norm/{name}": run.norms[f"gradient_norm/layer{index}"]
        for index, name in enumerate(names)
    }
    renamed = replace(run, norms=norms, layers=names)
    finding = VanishingGradients().check(renamed.history())
    assert isinstance(finding, Finding)
    assert finding.evidence[0].metric == "gradient_norm/stem"
    unknown = replace(renamed, layers=())
    assert isinstance(VanishingGradients().check(unknown.history()), Abstained)


def test_a_gradient_of_exactly_nothing_has_vanished(runs: ModuleType) -> None:
    run = runs.vanishing(0)
    steps = runs.steps()
    dead = {f"gradient_norm/layer{index}": (steps, np.zeros(runs.STEPS)) for index in range(2)}
    finding = VanishingGradients().check(replace(run, norms={**run.norms, **dead}).history())
    assert isinstance(finding, Finding)
    assert finding.evidence[0].value == 0.0


def test_faded_norms_of_a_run_that_learns_pass(runs: ModuleType) -> None:
    for seed in range(20):
        run = replace(runs.healthy(seed), norms=runs.vanishing(seed).norms)
        assert isinstance(VanishingGradients().check(run.history()), Passed), seed


def test_a_run_at_chance_level_whose_layers_are_alike_passes(runs: ModuleType) -> None:
    for seed in range(20):
        assert isinstance(VanishingGradients().check(runs.unlearned(seed).history()), Passed), seed


@pytest.mark.parametrize("kept", [0, 1, 3])
def test_a_few_layers_are_too_few_to_compare(kept: int, runs: ModuleType) -> None:
    run = runs.vanishing(0)
    norms = {
        f"gradient_norm/{name}": run.norms[f"gradient_norm/{name}"] for name in runs.LAYERS[:kept]
    }
    outcome = VanishingGradients().check(replace(run, norms=norms).history())
    assert isinstance(outcome, Abstained)
    assert bool(outcome.needs) == (kept == 0)
