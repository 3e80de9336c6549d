"""Overconfidence: a loss that climbs while the answers stay as good as they were."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from tuneguard.diagnosis import diagnose
from tuneguard.findings import Abstained, Finding, Passed
from tuneguard.history import RunHistory
from tuneguard.rules.overconfidence import Overconfidence
from tuneguard.rules.overfitting import Overfitting

BOTH = [Overconfidence, Overfitting]


def named(history: RunHistory) -> list[str]:
    return [finding.rule for finding in diagnose(history, BOTH).all_findings()]


@pytest.mark.parametrize("seed", range(20))
def test_the_accuracy_tells_it_from_overfitting(seed: int, runs: ModuleType) -> None:
    rising = runs.overconfident(seed)
    turned = 0.9 - 0.8 * np.exp(-runs.validated() / 80.0)
    turned -= 0.4 * np.clip((runs.validated() - 200.0) / 400.0, 0.0, None)
    falling = runs.scored(runs.overfitted(seed), seed, turned)
    assert named(rising.history()) == ["overconfidence"]
    assert named(falling.history()) == ["overfitting"]


def test_an_accuracy_that_never_left_chance_is_no_excuse(runs: ModuleType) -> None:
    for seed in range(20):
        run = runs.scored(runs.overfitted(seed), seed, np.full(len(runs.validated()), 0.1))
        assert named(run.history()) == ["overfitting"], seed


@pytest.mark.parametrize("climb", [0.0, 0.05])
def test_a_slight_climb_passes(climb: float, runs: ModuleType) -> None:
    for seed in range(20):
        run, at = runs.healthy(seed), runs.validated()
        loss = run.values("validation/loss") + climb * np.clip((at - 200.0) / 400.0, 0.0, None)
        history = runs.scored(run.having(validation=loss), seed, 0.9 - 0.8 * np.exp(-at / 80.0))
        assert isinstance(Overconfidence().check(history.history()), Passed), seed


def test_without_an_accuracy_it_abstains(runs: ModuleType) -> None:
    assert isinstance(Overconfidence().check(runs.overfitted(0).history()), Abstained)


def test_an_error_of_a_regression_is_no_accuracy() -> None:
    epochs = np.arange(40.0)
    loss = 1.0 + np.abs(epochs - 12.0) / 12.0
    history = RunHistory.from_series(
        {
            "loss": enumerate(3.0 - epochs / 20.0),
            "val_loss": enumerate(loss),
            "val_mae": enumerate(np.exp(-epochs / 10.0)),
        }
    )
    assert isinstance(Overconfidence().check(history), Abstained)
    assert named(history) == ["overfitting"]


def test_labels_are_smoothed_first(runs: ModuleType) -> None:
    finding = Overconfidence().check(runs.overconfident(0).history())
    assert isinstance(finding, Finding)
    assert [fix.parameter for fix in finding.prescriptions] == [
        "label_smoothing",
        "temperature",
        "weight_decay",
        "early_stopping",
    ]
