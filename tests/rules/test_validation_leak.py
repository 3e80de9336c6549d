"""Validation leak: only where dropout, averages over an epoch and noisy labels are ruled out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from tests.rules.synthetic.run import Run
from tuneguard import keys
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


NO_LEAK = {
    keys.VALIDATION_SAMPLES: 600,
    keys.REPEATED_VALIDATION_SAMPLES: 0,
    keys.EXAMINED_SAMPLES: 4000,
    keys.DISTINCT_EXAMINED_SAMPLES: 4000,
    keys.REPEATED_EXAMINED_SAMPLES: 0,
    keys.SHARED_EXAMINED_SAMPLES: 0,
    keys.SHARED_VALIDATION_SAMPLES: 0,
}


def compared(run: Run, *counts: Mapping[str, float], **params: object) -> RunHistory:
    """Return a run whose samples were compared, with these counts at one validation each."""
    at = 100 * (1 + np.arange(len(counts)))
    series = {key: (at, np.array([{**NO_LEAK, **one}[key] for one in counts])) for key in NO_LEAK}
    run = replace(run, params={**run.params, **params})
    return replace(run, others={**run.others, **series}).history()


def leaking(shared: int, trained: int | None = None) -> dict[str, float]:
    return {
        keys.SHARED_EXAMINED_SAMPLES: shared if trained is None else trained,
        keys.SHARED_VALIDATION_SAMPLES: shared,
    }


@pytest.mark.parametrize("shared", [600, 312, 60, 20])
def test_samples_that_are_in_both_splits_are_found(shared: int, runs: ModuleType) -> None:
    outcome = ValidationLeak().check(compared(runs.healthy(0), leaking(shared)))
    assert isinstance(outcome, Finding)
    assert outcome.summary.startswith(f"{shared} of 600 validation samples were trained on")
    assert outcome.confidence > 0.9
    assert outcome.prescriptions[0].current == f"{shared} of 600 samples in both splits"


def test_splits_that_share_nothing_pass_whatever_the_losses_say(runs: ModuleType) -> None:
    outcome = ValidationLeak().check(compared(runs.leaked(0), {}))
    assert isinstance(outcome, Passed)
    assert outcome.evidence[0].value == 0.0
    assert "of 600 compared with 4000" in outcome.evidence[0].statistic


def test_few_shared_samples_do_not_matter(runs: ModuleType) -> None:
    rule = ValidationLeak()
    few = leaking(rule.min_samples - 1)
    many_others = {keys.VALIDATION_SAMPLES: 20_000, **leaking(20)}
    for counts in (few, many_others):
        assert isinstance(rule.check(compared(runs.healthy(0), counts)), Passed)


def test_a_part_of_the_training_set_stands_for_the_whole(runs: ModuleType) -> None:
    counts = {
        keys.VALIDATION_SAMPLES: 20_000,
        keys.EXAMINED_SAMPLES: 60_000,
        keys.DISTINCT_EXAMINED_SAMPLES: 60_000,
        **leaking(60),
    }
    assert isinstance(ValidationLeak().check(compared(runs.healthy(0), counts)), Passed)
    whole = compared(runs.healthy(0), counts, train_samples=200_000)
    assert isinstance(ValidationLeak().check(whole), Finding)


def test_data_that_repeat_themselves_explain_it(runs: ModuleType) -> None:
    natural = {
        keys.REPEATED_VALIDATION_SAMPLES: 180,
        keys.REPEATED_EXAMINED_SAMPLES: 2400,
        keys.DISTINCT_EXAMINED_SAMPLES: 2000,
        **leaking(200, trained=1200),
    }
    assert isinstance(ValidationLeak().check(compared(runs.healthy(0), natural)), Passed)


def test_later_epochs_do_not_hide_what_the_first_one_showed(runs: ModuleType) -> None:
    first = leaking(30)
    later = {
        keys.EXAMINED_SAMPLES: 40_000,
        keys.DISTINCT_EXAMINED_SAMPLES: 8_000,
        keys.REPEATED_EXAMINED_SAMPLES: 39_000,
        **leaking(60, trained=300),
    }
    rule = ValidationLeak()
    assert isinstance(rule.check(compared(runs.healthy(0), later)), Passed)
    assert isinstance(rule.check(compared(runs.healthy(0), first, later)), Finding)


@pytest.mark.parametrize(
    "counts",
    [
        {keys.VALIDATION_SAMPLES: 19},
        {keys.DISTINCT_EXAMINED_SAMPLES: 49},
        {keys.VALIDATION_SAMPLES: np.nan},
        {keys.SHARED_VALIDATION_SAMPLES: -1},
        {keys.SHARED_EXAMINED_SAMPLES: 4001},
    ],
    ids=str,
)
def test_without_usable_counts_the_losses_decide(
    counts: Mapping[str, float], runs: ModuleType
) -> None:
    assert isinstance(ValidationLeak().check(compared(runs.leaked(0), counts)), Finding)
    assert isinstance(
        ValidationLeak().check(compared(runs.healthy(0), counts)), Abstained | Passed
    )


def test_no_loss_is_needed_to_compare_samples() -> None:
    series = {key: [(100, count)] for key, count in {**NO_LEAK, **leaking(300)}.items()}
    assert isinstance(ValidationLeak().check(RunHistory.from_series(series)), Finding)
    without = RunHistory.from_series({"train/loss": enumerate(np.ones(30))})
    abstained = ValidationLeak().check(without)
    assert isinstance(abstained, Abstained)
    assert "guard.validation_batches" in abstained.needs
