"""Vanishing gradients: norms that fade towards the input, in a run that does not learn."""

from __future__ import annotations

import json
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
        (0.125, 0.4, Abstained),
        (0.125, 0.6, Finding),
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


def rebuilt(runs: ModuleType, seed: int, first: float, growth: float) -> Any:
    """Three layers that begin with small weights, and grow them early on; nothing stands still."""
    run, at = runs.healthy(seed), runs.steps()
    shares = np.where(at < 5, first, 0.5)
    norms = {
        f"gradient_norm/{name}": (
            at,
            shares**power * np.exp(0.2 * runs.noise(seed + int(2 * power), 600)),
        )
        for name, power in zip(runs.LAYERS[:3], (1, 0.5, 0), strict=True)
    }
    weights = growth + (1.0 - growth) * np.exp(-at / 40.0)
    moved = {
        "update_norm/global": (at, np.full(runs.STEPS, 0.01)),
        "update_ratio/global": (at, 0.01 / weights),
    }
    run = replace(runs.beside(run, moved), norms=norms, layers=runs.LAYERS[:3])
    return run.having(train=runs.CHANCE * (0.3 + 0.7 * np.exp(-at / 60.0)))


@pytest.mark.parametrize(
    ("first", "growth", "expected"),
    [
        (2e-3, 4.0, Finding),
        (2e-3, 1.6, Abstained),
        (1e-5, 1.9, Finding),
        (1e-5, 1.2, Abstained),
        (0.1, 4.0, Abstained),
        (0.0, 4.0, Abstained),
    ],
)
def test_weights_that_had_to_be_built_first_show_in_the_very_first_gradient(
    first: float, growth: float, expected: type, runs: ModuleType
) -> None:
    for seed in range(10):
        outcome = VanishingGradients().check(rebuilt(runs, seed, first, growth).history())
        assert isinstance(outcome, expected), seed
        if isinstance(outcome, Finding):
            assert outcome.evidence[1].value == pytest.approx(growth, rel=0.02)
            assert "very first" in outcome.summary


def test_hidden_layers_of_a_unit_or_two_are_too_narrow_not_too_small(runs: ModuleType) -> None:
    run = rebuilt(runs, 0, 2e-3, 4.0)
    for width, expected in ((2, Abstained), (24, Finding)):
        sizes = [11 * width, (width + 1) * width, (width + 1) * 10]
        text = json.dumps(dict(zip(runs.LAYERS[:3], sizes, strict=True)))
        params = {"layer_sizes": text, "output_units": 10}
        scaled = {
            f"gradient_norm/{name}": (at, values * size**0.5)
            for (name, size) in zip(runs.LAYERS[:3], sizes, strict=True)
            for at, values in [run.norms[f"gradient_norm/{name}"]]
        }
        known = replace(run, norms={**run.norms, **scaled}, params={**runs.PARAMS, **params})
        assert isinstance(VanishingGradients().check(known.history()), expected), width


def test_a_regression_that_learned_only_the_mean_did_not_learn(runs: ModuleType) -> None:
    at = runs.steps()
    train = 20.0 + 200.0 * np.exp(-at / 30.0) + 0.2 * runs.noise(1, runs.STEPS)
    run = replace(runs.vanishing(0), params={"lr": 0.1})
    run = run.having(train=train, validation=np.full(len(runs.validated()), 20.0))
    for score, expected in ((0.0, Finding), (0.4, Passed)):
        scores = {"validation/r2": (runs.validated(), np.full(len(runs.validated()), score))}
        outcome = VanishingGradients().check(runs.beside(run, scores).history())
        assert isinstance(outcome, expected), score
