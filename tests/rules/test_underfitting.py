"""Underfitting: a plateau far above what is attainable, with a reason in the settings."""

from __future__ import annotations

import json
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from tuneguard.findings import Abstained, Finding, Passed
from tuneguard.rules.underfitting import Underfitting


@pytest.mark.parametrize(
    ("setting", "parameter", "current"),
    [
        ({"parameter_count": 300}, "hidden_width", "300 parameters"),
        ({"weight_decay": 0.5}, "weight_decay", "0.5"),
        ({"dropout": 0.8}, "dropout", "0.8"),
    ],
    ids=["too small", "too much decay", "too much dropout"],
)
def test_the_reason_in_the_settings_is_what_is_to_be_changed(
    setting: dict[str, float], parameter: str, current: str, runs: ModuleType
) -> None:
    finding = Underfitting().check(runs.underfitted(0, **setting).history())
    assert isinstance(finding, Finding)
    assert (finding.prescriptions[0].parameter, finding.prescriptions[0].current) == (
        parameter,
        current,
    )


@pytest.mark.parametrize(
    ("units", "level", "expected"),
    [(4, 0.6, Finding), (4, 0.25, Finding), (4, 0.15, Passed), (9, 0.6, Passed)],
    ids=["narrow", "narrow and half way", "narrow but good", "wide"],
)
def test_a_hidden_layer_of_a_few_units_is_reason_enough(
    units: int, level: float, expected: type, runs: ModuleType
) -> None:
    sizes = json.dumps({"first": 21 * 64, "second": 65 * units, "last": 10 * (units + 1)})
    for seed in range(20):
        run = runs.underfitted(seed, level=level, output_units=10, layer_sizes=sizes)
        run = replace(run, params={**run.params, "parameter_count": 50_000})
        outcome = Underfitting().check(run.history())
        assert isinstance(outcome, expected), seed
        if isinstance(outcome, Finding):
            assert outcome.evidence[-1].value == units
            assert outcome.prescriptions[0].parameter == "hidden_width"


def test_half_of_the_units_are_silenced_as_is_usual(runs: ModuleType) -> None:
    for dropout, expected in ((0.5, Passed), (0.6, Finding)):
        run = runs.underfitted(0, dropout=dropout, parameter_count=50_000)
        assert isinstance(Underfitting().check(run.history()), expected)


def test_a_plain_reason_holds_at_chance_level_too(runs: ModuleType) -> None:
    run = runs.unlearned(0)
    assert isinstance(Underfitting().check(run.history()), Abstained)
    run = replace(run, params={**runs.PARAMS, "dropout": 0.95})
    assert isinstance(Underfitting().check(run.history()), Finding)


def test_a_plateau_of_noisy_labels_has_no_reason_and_passes(runs: ModuleType) -> None:
    for seed in range(20):
        run = runs.underfitted(seed, parameter_count=50_000)
        assert isinstance(Underfitting().check(run.history()), Passed), seed


def test_a_plateau_close_to_chance_needs_no_reason_but_is_less_sure(runs: ModuleType) -> None:
    without = Underfitting().check(runs.underfitted(0, level=0.85, dropout=0.1).history())
    reasoned = Underfitting().check(runs.underfitted(0, level=0.85, dropout=0.9).history())
    assert isinstance(without, Finding)
    assert isinstance(reasoned, Finding)
    assert without.confidence < reasoned.confidence


def test_a_loss_that_still_falls_passes(runs: ModuleType) -> None:
    for seed in range(20):
        train = runs.fall(runs.steps(), runs.CHANCE, 0.5, 700.0)
        train += 0.05 * runs.noise(seed, runs.STEPS)
        run = runs.underfitted(seed).having(train=train)
        assert isinstance(Underfitting().check(run.history()), Passed), seed


def test_a_gap_to_validation_is_another_matter(runs: ModuleType) -> None:
    for seed in range(20):
        run = runs.underfitted(seed)
        apart = run.having(validation=run.values("validation/loss") + 0.8)
        assert isinstance(Underfitting().check(apart.history()), Passed), seed


def test_a_loss_that_never_left_chance_level_is_another_matter(runs: ModuleType) -> None:
    run = replace(runs.unlearned(0), params={**runs.PARAMS, "parameter_count": 300})
    assert isinstance(Underfitting().check(run.history()), Abstained)


@pytest.mark.parametrize("missing", ["num_classes", "start", "end"])
def test_without_a_reference_it_abstains(missing: str, runs: ModuleType) -> None:
    run = runs.underfitted(0)
    if missing == "num_classes":
        run = replace(run, params={"parameter_count": 300, "train_samples": 5_000})
    else:
        steps, loss = run.losses["train/loss"]
        kept = slice(100, None) if missing == "start" else slice(0, 200)
        run = replace(run, losses={**run.losses, "train/loss": (steps[kept], loss[kept])})
    assert isinstance(Underfitting().check(run.history()), Abstained)


def test_a_run_that_is_going_on_is_not_judged(runs: ModuleType) -> None:
    history = replace(runs.underfitted(0).history(), status="running")
    assert isinstance(Underfitting().check(history), Abstained)


@pytest.mark.parametrize(
    ("accuracy", "expected"), [(0.3, Finding), (0.64, Passed)], ids=["too small", "noisy labels"]
)
def test_errors_spread_evenly_are_those_of_noisy_labels(
    accuracy: float, expected: type, runs: ModuleType
) -> None:
    for seed in range(20):
        run = runs.underfitted(seed)
        at = run.losses["validation/loss"][0]
        rates = (at, accuracy + 0.01 * runs.noise(seed + 5, len(at)))
        known = replace(run, others={**run.others, "validation/accuracy": rates})
        assert isinstance(Underfitting().check(known.history()), expected), seed


@pytest.mark.parametrize(("count", "expected"), [(160, Finding), (50_000, Passed)])
def test_without_the_number_of_samples_classes_say_what_is_small(
    count: int, expected: type, runs: ModuleType
) -> None:
    run = replace(runs.underfitted(0), params={"num_classes": 10, "parameter_count": count})
    assert isinstance(Underfitting().check(run.history()), expected)


def test_much_dropout_is_blamed_though_the_first_losses_were_far_above_chance(
    runs: ModuleType,
) -> None:
    """Activations scaled up by dropout begin at twice chance level, and come down to it."""
    run = runs.underfitted(0, level=0.95, dropout=0.95, num_classes=10)
    train = run.values("train/loss") + 2.0 * np.exp(-runs.steps() / 10.0)
    assert isinstance(Underfitting().check(run.having(train=train).history()), Finding)
