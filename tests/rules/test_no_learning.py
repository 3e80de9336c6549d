"""No learning: at chance level, or never below the first losses."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from tuneguard.findings import Abstained, Finding, Passed
from tuneguard.history import RunHistory
from tuneguard.rules.no_learning import NoLearning


@pytest.mark.parametrize("params", [{}, {"num_classes": 10}], ids=["start", "chance"])
@pytest.mark.parametrize("phi", [0.0, 0.6, 0.9])
def test_noise_around_the_first_loss_is_no_learning(
    phi: float, params: dict[str, int], runs: ModuleType
) -> None:
    found = 0
    for seed in range(50):
        train = runs.CHANCE + 0.03 * runs.noise(seed, runs.STEPS, phi)
        run = replace(runs.unlearned(seed).having(train=train), params=params)
        found += isinstance(NoLearning().check(run.history()), Finding)
    assert found >= 48


@pytest.mark.parametrize("params", [{}, {"num_classes": 10}], ids=["start", "chance"])
def test_slow_but_real_learning_passes(params: dict[str, int], runs: ModuleType) -> None:
    for seed in range(20):
        train = np.linspace(runs.CHANCE, 0.8 * runs.CHANCE, runs.STEPS)
        train += 0.03 * runs.noise(seed, runs.STEPS)
        run = replace(runs.healthy(seed).having(train=train), params=params)
        assert isinstance(NoLearning().check(run.history()), Passed), seed


def test_a_run_that_learned_and_then_diverged_did_learn(runs: ModuleType) -> None:
    down = np.linspace(2.1, 0.35, 80)
    train = np.concatenate([down, 0.4 * 1.1 ** np.arange(120)])
    for seed in range(20):
        noisy = train * (1.0 + 0.02 * runs.noise(seed, len(train)))
        history = RunHistory.from_series({"train_loss": list(enumerate(noisy))})
        assert isinstance(NoLearning().check(history), Passed), seed


@pytest.mark.parametrize("blip", [0.0, 0.1, -0.1])
def test_a_loss_that_never_changes_is_found_even_with_a_blip(blip: float) -> None:
    train = np.full(100, 0.7)
    train[60] += blip
    finding = NoLearning().check(RunHistory.from_series({"train/loss": enumerate(train)}))
    assert isinstance(finding, Finding)


@pytest.mark.parametrize(
    "accuracy",
    [np.linspace(0.1, 0.6, 30), np.full(30, 0.5)],
    ids=["rising", "well above chance"],
)
def test_a_metric_that_shows_learning_excuses_the_loss(
    accuracy: np.ndarray, runs: ModuleType
) -> None:
    for seed in range(20):
        run = runs.unlearned(seed)
        noisy = accuracy + 0.01 * runs.noise(seed + 5, 30)
        others = {**run.others, "validation/accuracy": (runs.validated(), noisy)}
        assert isinstance(NoLearning().check(replace(run, others=others).history()), Passed), seed


def test_an_accuracy_at_chance_excuses_nothing(runs: ModuleType) -> None:
    for seed in range(20):
        run = runs.unlearned(seed)
        noisy = 0.1 + 0.01 * runs.noise(seed + 5, 30)
        others = {**run.others, "validation/accuracy": (runs.validated(), noisy)}
        outcome = NoLearning().check(replace(run, others=others).history())
        assert isinstance(outcome, Finding), seed


def test_averages_over_epochs_do_not_show_the_start(runs: ModuleType) -> None:
    flat = 1.0 + 0.01 * runs.noise(0, 20)
    history = RunHistory.from_series({"loss": enumerate(flat)}, axis="epoch")
    outcome = NoLearning().check(history)
    assert isinstance(outcome, Abstained)
    assert outcome.needs


def test_wiring_is_to_be_checked_before_the_learning_rate_is_raised(runs: ModuleType) -> None:
    short = runs.unlearned(0).having(updates=np.full(runs.STEPS, 1e-5))
    finding = NoLearning().check(short.history())
    assert isinstance(finding, Finding)
    wiring, rate, *_ = finding.prescriptions
    assert (wiring.parameter, rate.parameter) == ("wiring", "learning_rate")
    assert float(rate.suggested) > 10.0 * float(rate.current)


def test_a_run_that_goes_on_is_given_fifty_steps(runs: ModuleType) -> None:
    run = runs.unlearned(0)
    for steps, expected in ((27, Abstained), (120, Finding)):
        at = runs.steps()[:steps]
        short = replace(
            run, losses={"train/loss": (at, run.values("train/loss")[:steps])}, norms={}, others={}
        )
        history = replace(short.history(), status="running", planned_steps=400)
        assert isinstance(NoLearning().check(history), expected), steps
