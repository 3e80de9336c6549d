"""Runs whose gradients and updates were sampled get the answers of runs recorded in full."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from tuneguard.diagnosis import diagnose
from tuneguard.findings import Abstained, Finding, Outcome, Passed
from tuneguard.history import RunHistory
from tuneguard.rule import Rule
from tuneguard.rules.exploding_gradients import ExplodingGradients
from tuneguard.rules.learning_rate_too_high import LearningRateTooHigh
from tuneguard.rules.non_finite_values import NonFiniteValues
from tuneguard.rules.vanishing_gradients import VanishingGradients

KINDS = (
    "healthy",
    "overfitted",
    "underfitted",
    "vanishing",
    "oscillating",
    "overshot",
    "not_a_number",
    "diverged",
    "unlearned",
)
SEEN, MISSED = 306, 330  # a step that a stride of 60 looks at after 40 steps, and one between

FloatArray = NDArray[np.float64]


def names(history: RunHistory) -> tuple[str, list[str]]:
    diagnosis = diagnose(history)
    return diagnosis.verdict, [one.rule for one in diagnosis.all_findings()]


@pytest.mark.parametrize("kind", KINDS)
def test_sampling_changes_no_diagnosis(kind: str, runs: ModuleType) -> None:
    for seed in range(4):
        run = getattr(runs, kind)(seed)
        of_all = names(run.history())
        for dense_steps, stride in ((200, 20), (40, 60)):
            sampled = run.sampled(dense_steps, stride).history()
            assert names(sampled) == of_all, f"seed {seed}, a stride of {stride}"


def both(rule: Rule, run: object) -> tuple[Outcome, Outcome]:
    """Ask a rule about a run as it is, and as it would have been sampled."""
    sampled = run.sampled(200, 60)  # type: ignore[attr-defined] # a run of the module `runs`
    return rule.check(run.history()), rule.check(sampled.history())  # type: ignore[attr-defined]


def early(steps: FloatArray, first: float, later: float) -> FloatArray:
    """A level that changes at a quarter of the run: while a dense start goes on."""
    return np.where(steps < 150, first, later)


def test_layers_are_judged_by_the_whole_run_not_by_its_dense_start(runs: ModuleType) -> None:
    run = runs.vanishing(0)
    for at_first, later, expected in ((1e-6, 1.0, Passed), (1.0, 1e-6, Finding)):
        faded = {
            f"gradient_norm/layer{i}": (
                runs.steps(),
                early(runs.steps(), at_first, later) ** (7 - i),
            )
            for i in range(8)
        }
        for outcome in both(VanishingGradients(), replace(run, norms={**run.norms, **faded})):
            assert isinstance(outcome, expected)


@pytest.mark.parametrize(
    ("at_first", "later", "expected"), [(5.0, 0.05, Passed), (0.05, 5.0, Finding)]
)
def test_updates_are_judged_by_the_whole_run_not_by_its_dense_start(
    at_first: float, later: float, expected: type, runs: ModuleType
) -> None:
    train = runs.fall(runs.steps(), runs.CHANCE, 0.7 * runs.CHANCE)
    run = runs.healthy(0).having(train=train + 0.05 * runs.noise(0, runs.STEPS))
    updates = (runs.steps(), early(runs.steps(), at_first, later))
    run = replace(run, others={**run.others, "update_norm/global": updates})
    for outcome in both(LearningRateTooHigh(), run):
        assert isinstance(outcome, expected)


@pytest.mark.parametrize(("known", "expected"), [(40, Passed), (320, Finding)])
def test_updates_of_the_start_say_nothing_of_a_run_that_is_stuck(
    known: int, expected: type, runs: ModuleType
) -> None:
    train = runs.fall(runs.steps(), runs.CHANCE, 0.7 * runs.CHANCE)
    run = runs.healthy(0).having(train=train + 0.05 * runs.noise(0, runs.STEPS))
    updates = (runs.steps()[:known], np.full(known, 5.0))
    run = replace(run, others={**run.others, "update_norm/global": updates})
    assert isinstance(LearningRateTooHigh().check(run.history()), expected)


def test_the_first_updates_are_those_of_the_first_steps(runs: ModuleType) -> None:
    run = runs.overshot(0).having(updates=np.where(runs.steps() < 20, 0.3, 1e-4))
    finding = LearningRateTooHigh().check(run.sampled(3, 30).history())
    assert isinstance(finding, Finding)
    assert finding.evidence[2].value == 0.3
    assert finding.evidence[2].steps[1] < 20.0


def with_overflows(runs: ModuleType, at: slice | list[int]) -> RunHistory:
    norm = runs.healthy(0).values("gradient_norm/global")
    norm[at] = np.inf
    return runs.healthy(0).having(norm=norm).sampled(40, 60).history()


def test_one_overflow_that_was_sampled_does_not_stand_for_many(runs: ModuleType) -> None:
    history = with_overflows(runs, [SEEN])
    assert np.isinf(history.series["gradient_norm/global"].values).sum() == 1
    assert isinstance(NonFiniteValues().check(history), Passed)


def test_overflows_at_most_of_the_sampled_steps_are_found(runs: ModuleType) -> None:
    assert isinstance(NonFiniteValues().check(with_overflows(runs, slice(200, 500))), Finding)


def thrown_out(runs: ModuleType, burst_at: int, norm: FloatArray | None = None) -> RunHistory:
    """A run that one leap of its gradient throws back, sampled."""
    run = runs.healthy(0)
    norm = run.values("gradient_norm/global") if norm is None else norm.copy()
    train = run.values("train/loss")
    norm[burst_at] *= 200.0
    train[burst_at + 1 :] += 1.6
    return run.having(norm=norm, train=train).sampled(40, 60).history()


def test_a_burst_that_was_sampled_is_found(runs: ModuleType) -> None:
    finding = ExplodingGradients().check(thrown_out(runs, SEEN))
    assert isinstance(finding, Finding)
    assert finding.first_step == SEEN
    assert "was seen to burst once" in finding.summary


def test_a_harmed_run_may_have_burst_where_nobody_looked(runs: ModuleType) -> None:
    outcome = ExplodingGradients().check(thrown_out(runs, MISSED))
    assert isinstance(outcome, Abstained)
    assert "10% of the steps" in outcome.reason
    assert "budget" in outcome.needs


def test_a_run_that_was_not_harmed_did_not_explode_wherever_nobody_looked(
    runs: ModuleType,
) -> None:
    assert isinstance(
        ExplodingGradients().check(runs.healthy(0).sampled(40, 60).history()), Passed
    )


def test_clipping_is_proposed_by_the_norms_of_the_whole_run(runs: ModuleType) -> None:
    norm = np.where(runs.steps() < 30, 10.0, 1.0) * np.exp(0.1 * runs.noise(0, runs.STEPS))
    expected = np.percentile(norm[:SEEN], 90.0)
    finding = ExplodingGradients().check(thrown_out(runs, SEEN, norm))
    assert isinstance(finding, Finding)
    assert float(finding.prescriptions[0].suggested) == pytest.approx(expected, rel=0.15)
