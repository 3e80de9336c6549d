"""Overfitting: where validation was best, and what looks like a rise but is none."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from tuneguard.findings import Finding, Passed
from tuneguard.history import RunHistory
from tuneguard.rules.overfitting import Overfitting


@pytest.mark.parametrize("seed", range(20))
def test_the_best_step_is_found_and_proposed(seed: int, runs: ModuleType) -> None:
    finding = Overfitting().check(runs.overfitted(seed).history())
    assert isinstance(finding, Finding)
    best = finding.evidence[0].steps[0]
    assert 100 <= best <= 300
    stop = finding.prescriptions[0]
    assert (stop.parameter, stop.suggested) == ("early_stopping", f"step {best:g}")


@pytest.mark.parametrize("length", [1, 2])
@pytest.mark.parametrize("place", ["middle", "end"])
def test_a_blip_is_not_overfitting(place: str, length: int, runs: ModuleType) -> None:
    for seed in range(20):
        run = runs.healthy(seed)
        validation = run.values("validation/loss")
        first = len(validation) - length if place == "end" else 5 + seed
        validation[first : first + length] += 2.0
        outcome = Overfitting().check(run.having(validation=validation).history())
        assert isinstance(outcome, Passed), seed


def test_a_rise_that_training_shares_is_not_overfitting(runs: ModuleType) -> None:
    outcomes = [Overfitting().check(runs.diverged(seed).history()) for seed in range(20)]
    assert all(isinstance(outcome, Passed) for outcome in outcomes)


def test_without_any_training_progress_nothing_is_overfitted(runs: ModuleType) -> None:
    for seed in range(20):
        run = runs.overfitted(seed).having(train=runs.unlearned(seed).values("train/loss"))
        assert isinstance(Overfitting().check(run.history()), Passed), seed


def test_a_drift_after_training_has_ended_is_not_overfitting() -> None:
    epochs = np.arange(40.0)
    for seed in range(20):
        noise = 0.01 * np.random.default_rng(seed).normal(size=(2, 40))
        history = RunHistory.from_series(
            {
                "loss": enumerate(0.2 + np.exp(-epochs / 3.0) + noise[0]),
                "val_loss": enumerate(1.0 + np.abs(epochs - 25.0) / 25.0 + noise[1]),
            }
        )
        assert isinstance(Overfitting().check(history), Passed), seed


@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_an_opening_gap_speaks_for_a_rise_in_strong_noise(scale: float) -> None:
    epochs = np.arange(16.0)
    training = 0.1 + 0.9 * np.exp(-epochs / 5.0)
    climb = 0.5 + 0.5 * np.exp(-epochs / 1.5) + 0.03 * np.clip(epochs - 4.0, 0.0, None)
    named = {True: 0, False: 0}
    for seed in range(20):
        noise = 0.04 * np.random.default_rng(seed).normal(size=16)
        for is_climbing, course in (
            (True, climb),
            (False, np.where(epochs < 4.0, climb, climb[4])),
        ):
            history = RunHistory.from_series(
                {
                    "loss": enumerate(scale * training),
                    "val_loss": enumerate(scale * (course + noise)),
                }
            )
            named[is_climbing] += isinstance(Overfitting().check(history), Finding)
    assert named[True] >= 18
    assert named[False] <= 1


def test_a_rise_below_the_own_threshold_passes(runs: ModuleType) -> None:
    history = runs.overfitted(0).history()
    lenient = Overfitting(min_rise=5.0, min_rise_of_training=5.0, min_gap=5.0)
    assert isinstance(lenient.check(history), Passed)


def test_a_run_in_epochs_is_described_in_epochs() -> None:
    epochs = np.arange(40.0)
    validation = 1.0 + np.abs(epochs - 12.0) / 12.0
    history = RunHistory.from_series(
        {"loss": enumerate(3.0 - epochs / 20.0), "val_loss": enumerate(validation)}
    )
    finding = Overfitting().check(history)
    assert isinstance(finding, Finding)
    assert finding.prescriptions[0].suggested == "epoch 12"


@pytest.mark.parametrize(
    ("task", "is_smoothed"), [("classification", True), ("regression", False)]
)
def test_labels_are_smoothed_and_mixed_only_where_there_are_classes(
    task: str, is_smoothed: bool, runs: ModuleType
) -> None:
    run = replace(runs.overfitted(0), params={"task": task})
    finding = Overfitting().check(run.history())
    assert isinstance(finding, Finding)
    parameters = [fix.parameter for fix in finding.prescriptions]
    assert ("label_smoothing" in parameters) is is_smoothed
    assert ("augmentation" in parameters) is is_smoothed


def gapped(
    runs: ModuleType, seed: int, share: float, classes: int | None = 10, status: str = "finished"
) -> RunHistory:
    """Validation comes down with training, but by this share less, and stays there."""
    steps = runs.steps()
    train = runs.fall(steps, runs.CHANCE, 0.2) + 0.05 * runs.noise(seed, runs.STEPS)
    validation = runs.CHANCE - (1.0 - share) * (runs.CHANCE - runs.fall(steps, runs.CHANCE, 0.2))
    validation += 0.01 * runs.noise(seed + 1, runs.STEPS)
    return RunHistory.from_series(
        {
            "train/loss": zip(steps, train, strict=True),
            "validation/loss": zip(steps[29::30], validation[29::30], strict=True),
        },
        {"num_classes": classes} if classes else {},
        axis="step",
        status=status,  # type: ignore[arg-type]
    )


def test_a_gap_without_a_turn_is_found_where_chance_level_is_known(runs: ModuleType) -> None:
    for seed in range(20):
        finding = Overfitting().check(gapped(runs, seed, 0.6))
        assert isinstance(finding, Finding), seed
        assert finding.evidence[0].value == pytest.approx(0.6, abs=0.05)
        assert isinstance(Overfitting().check(gapped(runs, seed, 0.2)), Passed), seed
        unknown = gapped(runs, seed, 0.6, classes=None)
        assert isinstance(Overfitting().check(unknown), Passed), seed
        running = gapped(runs, seed, 0.6, status="running")
        assert isinstance(Overfitting().check(running), Passed), seed


def test_rows_of_epochs_show_a_gap_that_was_there_from_the_first_on() -> None:
    epochs = np.arange(16.0)
    training = 0.2 + 1.8 * np.exp(-epochs / 4.0)
    named = {}
    for share in (0.1, 0.8):
        for seed in range(10):
            noise = 0.01 * np.random.default_rng(seed).normal(size=16)
            validation = 2.0 - share * (2.0 - training) + noise
            history = RunHistory.from_series(
                {"loss": enumerate(training), "val_loss": enumerate(validation)}, axis="epoch"
            )
            named[share, seed] = isinstance(Overfitting().check(history), Finding)
    assert all(found == (share == 0.1) for (share, _), found in named.items())


def test_a_validation_that_follows_late_is_no_overfitting(runs: ModuleType) -> None:
    steps = runs.steps()
    train = runs.fall(steps, runs.CHANCE, 0.2) + 0.05 * runs.noise(0, runs.STEPS)
    late = np.linspace(runs.CHANCE, 0.45 * runs.CHANCE, runs.STEPS)
    history = RunHistory.from_series(
        {
            "train/loss": zip(steps, train, strict=True),
            "validation/loss": zip(steps[29::30], late[29::30], strict=True),
        },
        {"num_classes": 10},
        axis="step",
        status="finished",
    )
    assert isinstance(Overfitting().check(history), Passed)
