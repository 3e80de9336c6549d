"""Which series stand for training and for validation."""

from __future__ import annotations

import numpy as np

from tuneguard.history import RunHistory
from tuneguard.statistics.splits import quality, training_loss, validation_loss

RISING = list(enumerate(np.linspace(0.1, 0.9, 20)))
FALLING = list(enumerate(np.linspace(2.0, 1.0, 20)))


def test_a_metric_of_which_more_is_better_is_turned_round() -> None:
    found = quality(RunHistory.from_series({"val_accuracy": RISING}), "validation")
    assert found is not None
    assert (found.is_negated, found.counts_classes) == (True, True)
    assert (round(found.best, 2), found.curve.gained > 0.0) == (0.88, True)


def test_accuracy_comes_before_other_metrics() -> None:
    history = RunHistory.from_series(
        {"val_mae": FALLING, "val_f1": RISING, "val_acc": RISING, "train_acc": RISING}
    )
    found = quality(history, "validation")
    assert found is not None
    assert found.series.key == "val_acc"


def test_an_error_is_of_no_classes_and_kept_as_it_is() -> None:
    found = quality(RunHistory.from_series({"val_mae": FALLING}), "validation")
    assert found is not None
    assert (found.is_negated, found.counts_classes) == (False, False)


def test_training_evaluated_like_validation_comes_first() -> None:
    history = RunHistory.from_series({"train_loss": FALLING, "train_eval/loss": FALLING})
    found = training_loss(history)
    assert found is not None
    assert found.series.key == "train_eval/loss"


def test_too_few_points_are_none() -> None:
    history = RunHistory.from_series({"val_loss": FALLING[:7], "val_acc": RISING[:7]})
    assert validation_loss(history) is None
    assert quality(history, "validation") is None
