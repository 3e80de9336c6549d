"""Too low a learning rate: steps downhill, none of them long enough to matter."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tuneguard.findings import Abstained, Finding, Passed
from tuneguard.history import RunHistory
from tuneguard.rules.learning_rate_too_low import LearningRateTooLow

COSINE = "gradient/cosine_to_update"


def with_cosine(run: Any, cosine: float, runs: ModuleType) -> Any:
    values = cosine + 0.05 * runs.noise(9, runs.STEPS)
    return replace(run, others={**run.others, COSINE: (runs.steps(), values)})


def test_a_run_that_learned_by_now_passes(runs: ModuleType) -> None:
    updates = np.full(runs.STEPS, 1e-4)
    for seed in range(20):
        run = runs.healthy(seed).having(updates=updates)
        assert isinstance(LearningRateTooLow().check(run.history()), Passed), seed


def test_a_plateau_of_noisy_labels_passes(runs: ModuleType) -> None:
    for seed in range(20):
        train = runs.fall(runs.steps(), runs.CHANCE, 0.7 * runs.CHANCE)
        train += 0.06 * runs.noise(seed, runs.STEPS)
        run = runs.crawling(seed).having(train=train)
        assert isinstance(LearningRateTooLow().check(run.history()), Passed), seed


def test_an_overshoot_is_the_opposite(runs: ModuleType) -> None:
    updates = np.where(runs.steps() < 30, 0.3, 1e-5)
    for seed in range(20):
        run = runs.overshot(seed).having(updates=updates)
        assert not isinstance(LearningRateTooLow().check(run.history()), Finding), seed


@pytest.mark.parametrize(("cosine", "expected"), [(-0.4, Finding), (0.0, Passed), (None, Passed)])
def test_longer_updates_need_a_gradient_that_still_points_ahead(
    cosine: float | None, expected: type, runs: ModuleType
) -> None:
    for seed in range(20):
        run = runs.crawling(seed).having(updates=np.full(runs.STEPS, 8e-4))
        run = run if cosine is None else with_cosine(run, cosine, runs)
        assert isinstance(LearningRateTooLow().check(run.history()), expected), seed


@pytest.mark.parametrize(("cosine", "expected"), [(-0.8, Finding), (-0.3, Passed)])
def test_the_longer_the_updates_the_clearer_the_gradient_has_to_be(
    cosine: float, expected: type, runs: ModuleType
) -> None:
    for seed in range(10):
        run = runs.crawling(seed).having(updates=np.full(runs.STEPS, 1.6e-3))
        outcome = LearningRateTooLow().check(with_cosine(run, cosine, runs).history())
        assert isinstance(outcome, expected), seed


def test_where_nothing_is_updated_the_length_of_steps_is_not_judged(runs: ModuleType) -> None:
    run = runs.crawling(0).having(updates=np.zeros(runs.STEPS))
    assert isinstance(LearningRateTooLow().check(run.history()), Abstained)


def test_a_regression_needs_the_cosine_as_well(runs: ModuleType) -> None:
    run = replace(runs.crawling(0), params={"lr": 1e-4, "optimizer": "SGD"})
    assert isinstance(LearningRateTooLow().check(run.history()), Abstained)
    creeping = with_cosine(run, -0.8, runs).history()
    assert isinstance(LearningRateTooLow().check(creeping), Finding)


@pytest.mark.parametrize(
    "excuse", ["clipped", "scheduled", "not from chance level", "too short", "not finite"]
)
def test_what_has_another_reason_is_not_judged(excuse: str, runs: ModuleType) -> None:
    run = runs.crawling(0)
    if excuse == "clipped":
        factors = (runs.steps(), np.full(runs.STEPS, 0.01))
        run = replace(run, others={**run.others, "gradient_clipping/factor": factors})
    elif excuse == "scheduled":
        run = run.having(rate=0.1 * 0.95 ** runs.steps())
    else:
        steps, loss = run.losses["train/loss"]
        changed = {
            "not from chance level": (steps, 0.3 * loss),
            "too short": (steps[:60], loss[:60]),
            "not finite": (steps, np.where(steps == 500, np.nan, loss)),
        }[excuse]
        run = replace(run, losses={"train/loss": changed})
    assert isinstance(LearningRateTooLow().check(run.history()), Abstained)


@pytest.mark.parametrize(
    ("rate", "optimizer", "expected"),
    [
        (1e-3, "SGD", Finding),
        (0.1, "SGD", Passed),
        (1e-5, "AdamW", Finding),
        (1e-3, "AdamW", Passed),
        (1e-5, "RMSprop", Finding),
        (1e-3, "RMSprop", Passed),
    ],
)
def test_rows_of_epochs_are_held_against_usual_rates(
    rate: float, optimizer: str, expected: type
) -> None:
    losses = np.log(10.0) * np.linspace(0.99, 0.85, 30)
    history = RunHistory.from_series(
        {"loss": list(enumerate(losses, 1))},
        {"lr": rate, "optimizer": optimizer, "num_classes": 10},
        axis="epoch",
    )
    assert isinstance(LearningRateTooLow().check(history), expected)


@pytest.mark.parametrize(("ratio", "suggested"), [(1e-4, "13"), (5e-5, "27"), (1e-7, "0.1")])
def test_the_proposed_rate_asks_for_twice_the_updates_usual_in_a_short_run(
    ratio: float, suggested: str, runs: ModuleType
) -> None:
    finding = LearningRateTooLow().check(
        runs.crawling(0).having(updates=np.full(runs.STEPS, ratio)).history()
    )
    assert isinstance(finding, Finding)
    assert finding.prescriptions[0].suggested == suggested


def test_a_schedule_that_ends_low_hides_no_course(runs: ModuleType) -> None:
    """Descent by short steps goes with what the learning rates add up to, not with time."""
    at = runs.steps()
    rates = np.where(at < 0.5 * runs.STEPS, 0.1, 0.002)
    passed = np.cumsum(rates) / rates.sum()
    for slope, expected in ((0.4, Finding), (0.0, Passed)):
        train = runs.CHANCE * (1.0 - slope * passed - (0.4 - slope) * (1.0 - np.exp(-9 * passed)))
        run = runs.crawling(0).having(train=train + 0.01 * runs.noise(0, runs.STEPS), rate=rates)
        assert isinstance(LearningRateTooLow().check(run.history()), expected), slope


def test_without_chance_level_steps_may_be_longer_where_the_gradient_is_clear(
    runs: ModuleType,
) -> None:
    run = runs.crawling(0).having(updates=np.full(runs.STEPS, 8e-4))
    run = replace(run, params={"lr": 1e-4, "optimizer": "SGD"})
    for cosine, expected in ((-0.9, Finding), (-0.2, Passed)):
        outcome = LearningRateTooLow().check(with_cosine(run, cosine, runs).history())
        assert isinstance(outcome, expected), cosine
