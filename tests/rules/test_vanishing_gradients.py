"""Vanishing gradients: norms that fade towards the input, in a run that does not learn."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

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


def late(runs: ModuleType, seed: int, first: float, idle: float) -> Any:
    """Three layers; the loss falls from a share of the run on, to three quarters of chance."""
    run, at = runs.unlearned(seed), runs.steps()
    since = np.maximum(at - idle * runs.STEPS, 0.0)
    train = runs.CHANCE * (0.75 + 0.25 * np.exp(-since / 60.0))
    shares = np.where(at < 200, first, 0.5)
    norms = {
        f"gradient_norm/{name}": (at, shares**power * np.exp(0.2 * runs.noise(seed + power, 600)))
        for name, power in zip(runs.LAYERS[:3], (2, 1, 0), strict=True)
    }
    run = replace(run, norms=norms, layers=runs.LAYERS[:3])
    return run.having(train=train + 0.02 * runs.noise(seed, runs.STEPS))


@pytest.mark.parametrize(
    ("first", "idle", "expected"),
    [
        (0.01, 0.4, Finding),
        (0.07, 0.4, Finding),
        (0.01, 0.05, Abstained),
        (0.3, 0.4, Abstained),
    ],
)
def test_a_late_start_after_faded_gradients_is_found_in_few_layers(
    first: float, idle: float, expected: type, runs: ModuleType
) -> None:
    for seed in range(10):
        outcome = VanishingGradients().check(late(runs, seed, first, idle).history())
        assert isinstance(outcome, expected), seed


def test_how_late_a_start_is_shows_in_an_ended_run(runs: ModuleType) -> None:
    history = replace(late(runs, 0, 0.01, 0.4).history(), status="running", planned_steps=800)
    assert isinstance(VanishingGradients().check(history), Abstained)
