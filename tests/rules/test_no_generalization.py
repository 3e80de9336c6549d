"""No generalization: what never improved, told from what improved first and then got worse."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from tuneguard.diagnosis import diagnose
from tuneguard.findings import Abstained, Finding, Passed
from tuneguard.history import RunHistory
from tuneguard.rules.no_generalization import NoGeneralization
from tuneguard.rules.overfitting import Overfitting


@pytest.mark.parametrize("seed", range(10))
def test_validation_that_gets_worse_at_once_is_a_symptom(seed: int, runs: ModuleType) -> None:
    findings = diagnose(runs.memorised(seed).history(), [Overfitting, NoGeneralization]).findings
    assert [finding.rule for finding in findings] == ["no-generalization"]
    assert [finding.rule for finding in findings[0].symptoms] == ["overfitting"]


def test_what_improved_first_is_overfitting(runs: ModuleType) -> None:
    for seed in range(20):
        assert isinstance(NoGeneralization().check(runs.overfitted(seed).history()), Passed), seed


def test_noisy_labels_that_leave_something_to_learn_pass(runs: ModuleType) -> None:
    for seed in range(20):
        run, at = runs.memorised(seed), runs.validated()
        loss = runs.CHANCE - 0.3 * (1.0 - np.exp(-at / 60.0)) + 0.02 * runs.noise(seed, len(at))
        run = runs.scored(run.having(validation=loss), seed, np.full(len(at), 0.25))
        assert isinstance(NoGeneralization().check(run.history()), Passed), seed


def test_training_that_learned_nothing_is_another_matter(runs: ModuleType) -> None:
    for seed in range(20):
        assert isinstance(NoGeneralization().check(runs.unlearned(seed).history()), Passed), seed


def test_an_accuracy_above_chance_passes(runs: ModuleType) -> None:
    run = runs.scored(runs.memorised(0), 0, np.full(len(runs.validated()), 0.3))
    assert isinstance(NoGeneralization().check(run.history()), Passed)


def rows(first_loss: float, accuracy: float) -> RunHistory:
    """Twenty epochs as a framework logs them, without any params."""
    epochs = np.arange(20.0)
    return RunHistory.from_series(
        {
            "loss": enumerate(0.7 * np.exp(-epochs / 4.0)),
            "val_loss": enumerate(first_loss + 0.01 * epochs),
            "val_accuracy": enumerate(accuracy + 0.01 * np.sin(epochs)),
        },
        axis="epoch",
    )


def test_a_first_validation_at_chance_tells_the_number_of_classes() -> None:
    finding = NoGeneralization().check(rows(first_loss=0.693, accuracy=0.51))
    assert isinstance(finding, Finding)
    assert len(finding.evidence) == 3


def test_rows_that_show_no_chance_level_are_not_judged() -> None:
    outcome = NoGeneralization().check(rows(first_loss=0.4, accuracy=0.85))
    assert isinstance(outcome, Abstained)


def test_an_accuracy_alone_needs_the_number_of_classes(runs: ModuleType) -> None:
    run = runs.memorised(0)
    alone = replace(run, losses={"train/loss": run.losses["train/loss"]})
    assert isinstance(NoGeneralization().check(alone.history()), Finding)
    assert isinstance(NoGeneralization().check(replace(alone, params={}).history()), Abstained)


def test_coming_down_from_a_blow_up_is_no_learning(runs: ModuleType) -> None:
    for seed in range(20):
        run = runs.memorised(seed)
        level = float(run.values("validation/loss")[0])
        steps = np.arange(len(run.values("train/loss")))
        noise = 0.02 * np.random.default_rng(seed).normal(size=len(steps))
        blown_up = level * (1.0 + 100.0 * np.exp(-steps / 5.0) + noise)
        assert isinstance(NoGeneralization().check(run.having(train=blown_up).history()), Passed)


def test_losses_that_did_not_stay_finite_are_not_judged(runs: ModuleType) -> None:
    run = runs.memorised(0)
    training = run.values("train/loss").copy()
    training[-20:] = np.nan
    assert isinstance(NoGeneralization().check(run.having(train=training).history()), Abstained)
