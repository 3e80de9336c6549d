"""Validation leak: only where dropout, averages over an epoch and noisy labels are ruled out."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from tuneguard.findings import Abstained, Finding, Passed
from tuneguard.history import RunHistory
from tuneguard.rules.validation_leak import ValidationLeak

CLASSES = 10


def noisy_labels(share: float) -> tuple[float, float]:
    """Return the training loss and the loss on clean labels of a model that fits noisy ones."""
    wrong = share / (CLASSES - 1)
    training = -(1.0 - share) * np.log(1.0 - share) - share * np.log(wrong)
    return float(training), float(-np.log(1.0 - share))


@pytest.mark.parametrize("share", [0.05, 0.2, 0.4, 0.6])
def test_noisy_training_labels_explain_it(share: float, runs: ModuleType) -> None:
    training, clean = noisy_labels(share)
    for seed in range(5):
        run = runs.leaked(seed)
        train = runs.fall(runs.steps(), runs.CHANCE, training)
        train += 0.05 * runs.noise(seed, runs.STEPS)
        validation = runs.fall(runs.validated(), runs.CHANCE, clean)
        outcome = ValidationLeak().check(run.having(train=train, validation=validation).history())
        assert isinstance(outcome, Passed), seed


def test_dropout_explains_it(runs: ModuleType) -> None:
    run = replace(runs.leaked(0), params={**runs.PARAMS, "dropout": 0.5})
    assert isinstance(ValidationLeak().check(run.history()), Abstained)


def test_where_dropout_is_unknown_it_abstains(runs: ModuleType) -> None:
    run = replace(runs.leaked(0), params=runs.PARAMS)
    assert isinstance(ValidationLeak().check(run.history()), Abstained)


def test_a_model_that_was_inspected_is_known_to_have_none(runs: ModuleType) -> None:
    params = {"num_classes": CLASSES, "tuneguard/parameter_count": 50_000}
    run = replace(runs.leaked(0), params=params)
    assert isinstance(ValidationLeak().check(run.history()), Finding)
    augmented = replace(run, params={**params, "augmentation": "flip"})
    assert isinstance(ValidationLeak().check(augmented.history()), Abstained)


def test_an_average_over_an_epoch_lags_behind() -> None:
    epochs = np.arange(30.0)
    at_the_end = 2.3 * np.exp(-(epochs + 1.0) / 2.0) + 1e-3
    average = 2.3 * np.exp(-(epochs + 0.5) / 2.0) + 1e-3
    history = RunHistory.from_series(
        {"loss": enumerate(average), "val_loss": enumerate(at_the_end)},
        {"num_classes": CLASSES, "dropout": 0.0},
        axis="epoch",
    )
    assert isinstance(ValidationLeak().check(history), Passed)


def test_an_evaluation_of_training_needs_no_word_on_dropout() -> None:
    epochs = np.arange(30.0)
    history = RunHistory.from_series(
        {
            "train_eval/loss": enumerate(0.9 + 1.4 * np.exp(-epochs / 5.0)),
            "val_loss": enumerate(0.01 + 2.2 * np.exp(-epochs / 3.0)),
        },
        {"num_classes": CLASSES, "dropout": 0.5},
        axis="epoch",
    )
    assert isinstance(ValidationLeak().check(history), Finding)


def test_without_a_number_of_classes_it_abstains(runs: ModuleType) -> None:
    run = replace(runs.leaked(0), params={"dropout": 0.0})
    assert isinstance(ValidationLeak().check(run.history()), Abstained)
