"""Stopped too early: much is left, and nothing says that the end was meant."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from tuneguard.findings import Abstained, Finding, Passed, Severity
from tuneguard.history import RunHistory
from tuneguard.rules.stopped_too_early import StoppedTooEarly


@pytest.mark.parametrize("seed", range(5))
def test_the_new_length_comes_from_the_curve(seed: int, runs: ModuleType) -> None:
    finding = StoppedTooEarly().check(runs.ended_early(seed).history())
    assert isinstance(finding, Finding)
    assert finding.severity is Severity.WARNING
    longer = finding.prescriptions[0]
    assert (longer.parameter, longer.current) == ("steps", "599")
    assert 1198 <= int(longer.suggested) <= 3594


def of_length(seed: int, steps: int, end: float, runs: ModuleType) -> RunHistory:
    """A run from chance level that flattens until its last step."""
    at = np.arange(float(steps))
    level = runs.CHANCE * (end + (1.0 - end) * (1.0 - at / steps) ** 2)
    train = level + 0.05 * runs.noise(seed, steps)
    validated = slice(steps // 5 - 1, None, steps // 5)
    losses = {"train/loss": (at, train), "validation/loss": (at[validated], level[validated])}
    return replace(runs.healthy(seed), losses=losses, norms={}, others={}).history()


@pytest.mark.parametrize(
    ("steps", "end", "expected"),
    [(60, 0.4, True), (60, 0.05, False), (400, 0.4, False)],
    ids=["short", "done", "long"],
)
def test_a_few_steps_from_chance_level_are_too_few_for_a_loss_that_still_falls(
    steps: int, end: float, expected: bool, runs: ModuleType
) -> None:
    for seed in range(10):
        outcome = StoppedTooEarly().check(of_length(seed, steps, end, runs))
        assert (getattr(outcome, "severity", None) is Severity.WARNING) == expected, seed


def test_a_few_steps_whose_validation_turned_are_enough(runs: ModuleType) -> None:
    history = of_length(0, 60, 0.4, runs)
    validation = history.series["validation/loss"]
    turned = np.append(validation.values[:-1], validation.values[-2] + 0.2)
    series = {**history.series, "validation/loss": replace(validation, values=turned)}
    outcome = StoppedTooEarly().check(replace(history, series=series))
    assert getattr(outcome, "severity", None) is not Severity.WARNING


def test_the_tail_of_a_power_law_passes(runs: ModuleType) -> None:
    for seed in range(10):
        at, run = runs.steps(), runs.healthy(seed)
        train = 2.0 * (1.0 + at) ** -0.3 + 0.03 * runs.noise(seed, len(at), 0.5)
        validation = 2.0 * (1.0 + runs.validated()) ** -0.3 + 0.1
        history = run.having(train=train, validation=validation).history()
        assert isinstance(StoppedTooEarly().check(history), Passed), seed


def test_validation_that_gains_nothing_more_passes(runs: ModuleType) -> None:
    for seed in range(5):
        run = runs.ended_early(seed)
        validation = runs.healthy(seed).values("validation/loss")
        outcome = StoppedTooEarly().check(run.having(validation=validation).history())
        assert isinstance(outcome, Passed), seed


def test_a_finished_schedule_passes(runs: ModuleType) -> None:
    rate = 0.05 * (1.0 + np.cos(np.pi * runs.steps() / runs.STEPS))
    outcome = StoppedTooEarly().check(runs.ended_early(0).having(rate=rate).history())
    assert isinstance(outcome, Passed)
    assert outcome.evidence[0].metric == "learning_rate"


def test_a_run_that_is_going_on_is_not_judged(runs: ModuleType) -> None:
    history = replace(runs.ended_early(0).history(), status="running")
    assert isinstance(StoppedTooEarly().check(history), Abstained)


def test_a_loss_that_rises_has_no_saturating_curve(runs: ModuleType) -> None:
    run = runs.ended_early(0)
    rising = run.having(train=run.values("train/loss")[::-1].copy())
    assert isinstance(StoppedTooEarly().check(rising.history()), Abstained)


def test_less_is_left_than_for_a_warning() -> None:
    epochs = np.arange(40.0)
    loss = 1.0 + np.exp(-epochs / 20.0)
    history = RunHistory.from_series({"loss": enumerate(loss), "val_loss": enumerate(loss + 0.1)})
    finding = StoppedTooEarly(min_share=0.1, much_share=0.6).check(history)
    assert isinstance(finding, Finding)
    assert finding.severity is Severity.INFO
    assert finding.prescriptions[0].parameter == "epochs"


def only_begun(steps: int, noise: np.ndarray | None = None) -> RunHistory:
    """Losses that stay where they were for a while, and then fall until the end."""
    at = np.arange(float(steps))
    loss = 2.3 - 1.2 * np.maximum(at / steps - 0.25, 0.0) / 0.75
    every = steps // 5
    validation = zip(at[every - 1 :: every], loss[every - 1 :: every] + 0.05, strict=True)
    train = loss if noise is None else loss + noise
    return RunHistory.from_series(
        {"train/loss": zip(at, train, strict=True), "validation/loss": validation}
    )


@pytest.mark.parametrize("scale", [0.001, 1.0, 1000.0])
def test_a_fall_that_has_only_begun_is_judged_by_its_pace(scale: float, runs: ModuleType) -> None:
    for seed in range(5):
        history = only_begun(60, 0.05 * runs.noise(seed, 60))
        scaled = RunHistory.from_series(
            {
                key: zip(one.steps, one.values * scale, strict=True)
                for key, one in history.series.items()
            }
        )
        finding = StoppedTooEarly().check(scaled)
        assert isinstance(finding, Finding), seed
        assert finding.severity is Severity.WARNING
        assert finding.evidence[0].value > finding.evidence[0].threshold == 0.7
        assert finding.prescriptions[0].suggested == "531"


def test_a_long_run_that_only_begins_was_too_short_all_the_same() -> None:
    finding = StoppedTooEarly().check(only_begun(600))
    assert isinstance(finding, Finding)
    assert finding.severity is Severity.WARNING


@pytest.mark.parametrize(("pace", "is_found"), [(0.006, True), (0.0, False)])
def test_progress_counts_from_what_knowing_nothing_costs(pace: float, is_found: bool) -> None:
    at, spread = np.arange(100.0), 3.0
    loss = 1.4 - pace * at + 28.0 * np.exp(-at / 4.0)
    validated = loss[4::5]
    series = {
        "train/loss": zip(at, loss, strict=True),
        "validation/loss": zip(at[4::5], validated, strict=True),
        "validation/r2": zip(at[4::5], 1.0 - validated / spread, strict=True),
    }
    outcome = StoppedTooEarly().check(RunHistory.from_series(series))
    assert isinstance(outcome, Finding) is is_found


@pytest.mark.parametrize(
    ("validation", "is_found"),
    [((2.2, 2.1, 1.9, 1.6, 1.2), True), ((2.2, 2.1, 1.4, 1.2, 1.18), False), (None, False)],
)
def test_five_rows_need_a_validation_that_still_falls(
    validation: tuple[float, ...] | None, is_found: bool
) -> None:
    series = {"loss": enumerate((2.3, 2.2, 2.0, 1.7, 1.3))}
    if validation is not None:
        series["val_loss"] = enumerate(validation)
    outcome = StoppedTooEarly().check(RunHistory.from_series(series))
    assert isinstance(outcome, Finding) is is_found


def test_a_recovery_from_a_worse_level_is_no_new_low(runs: ModuleType) -> None:
    at = np.arange(60.0)
    loss = np.where(at < 30.0, 2.0 - at / 30.0, 2.5 - 1.6 * (at - 30.0) / 30.0)
    history = RunHistory.from_series(
        {"train/loss": zip(at, loss + 0.02 * runs.noise(0, 60), strict=True)}
    )
    assert not isinstance(StoppedTooEarly().check(history), Finding)
