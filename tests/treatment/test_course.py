"""What helps is kept, what does not is reverted, and it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tuneguard.diagnosis import Diagnosis
from tuneguard.exceptions import TuneGuardError
from tuneguard.findings import Change, Evidence, Finding, Prescription, Severity
from tuneguard.history import RunHistory
from tuneguard.treatment import Attempt, Budget, Course, Treatment, Trial
from tuneguard.treatment.course import Plan
from tuneguard.treatment.settings import Settings

Judge = Callable[[Mapping[str, Any]], tuple[float, tuple[Finding, ...]]]


def finding(rule: str, *changes: Change) -> Finding:
    return Finding(
        rule=rule,
        rule_id="TG000",
        severity=Severity.WARNING,
        summary="It was.",
        why="It matters.",
        evidence=(Evidence("train/loss", "level", 1.0, 0.5, (0, 9)),),
        confidence=0.5,
        prescriptions=tuple(
            Prescription(one.parameter, None, "", f"Set {one.parameter}.", "", "", "", "", (one,))
            for one in changes
        ),
    )


def falling(end: float) -> RunHistory:
    points = [(step, end + 2.0 * 0.9**step) for step in range(60)]
    return RunHistory.from_series({"val_loss": points, "train_loss": points})


class Trainer:
    """Trains nothing: a function of the parameters says how it ends, and what is found."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.trained: list[tuple[dict[str, Any], object]] = []

    def __call__(self, plan: Plan, seed: object) -> Trial:
        self.trained.append((dict(plan.params), seed))
        end, findings = self.judge(plan.params)
        if end < 0:
            return Trial(seed, None, None, "ValueError: no")
        verdict = "warning" if findings else "healthy"
        return Trial(seed, falling(end), Diagnosis(verdict, findings, (), ()))  # type: ignore[arg-type]


def course(judge: Judge, params: dict[str, Any], **options: Any) -> tuple[Treatment, Trainer]:
    trainer = Trainer(judge)
    return Course(trainer, params, Settings(params), **options).run(), trainer


def standings(treatment: Treatment) -> list[str]:
    return [one.standing for one in treatment.attempts]


def too_high(params: Mapping[str, Any]) -> tuple[float, tuple[Finding, ...]]:
    if params["lr"] <= 0.01:
        return 0.1, ()
    lower = Change("learning_rate", 0.1, "multiply")
    return 0.5 + params["lr"], (finding("learning-rate-too-high", lower),)


def test_a_healthy_run_is_left_alone() -> None:
    treatment, trainer = course(too_high, {"lr": 0.01})
    assert (treatment.is_healthy, treatment.ending, len(trainer.trained)) == (True, "healthy", 1)
    assert treatment.overall is None


def test_what_helps_is_kept_until_nothing_is_wrong() -> None:
    treatment, _ = course(too_high, {"lr": 1.0, "other": "x"})
    assert standings(treatment) == ["baseline", "kept", "kept"]
    assert treatment.params == {"lr": 0.01, "other": "x"}
    assert [one.started_from for one in treatment.attempts] == [0, 0, 1]
    assert treatment.is_healthy
    assert treatment.overall is not None
    assert treatment.overall.verdict == "better"


def test_what_does_not_help_is_reverted_and_the_next_is_tried() -> None:
    def judge(params: Mapping[str, Any]) -> tuple[float, tuple[Finding, ...]]:
        if params["dropout"]:
            return 0.1, ()
        fixes = Change("learning_rate", 0.5, "multiply"), Change("dropout", 0.2)
        return (0.5 if params["lr"] == 1.0 else 0.9), (finding("overfitting", *fixes),)

    treatment, _ = course(judge, {"lr": 1.0, "dropout": 0.0})
    assert standings(treatment) == ["baseline", "reverted", "kept"]
    assert treatment.params == {"lr": 1.0, "dropout": 0.2}
    assert treatment.attempts[1].reason.startswith("Worse")


def test_no_better_with_fewer_alarms_is_kept() -> None:
    def judge(params: Mapping[str, Any]) -> tuple[float, tuple[Finding, ...]]:
        found = finding("loss-plateau", Change("schedule", "cosine"))
        return 0.5, () if params["schedule"] == "cosine" else (found,)

    treatment, _ = course(judge, {"schedule": "constant"})
    assert standings(treatment) == ["baseline", "kept"]
    assert "0 alarms in place of 1" in treatment.attempts[1].reason


def test_nothing_is_tried_twice_and_it_ends_when_nothing_is_left() -> None:
    def judge(params: Mapping[str, Any]) -> tuple[float, tuple[Finding, ...]]:
        same = Change("clip_norm", 1.0)
        return 0.5, (finding("exploding-gradients", same, same, Change("residual", True)),)

    treatment, trainer = course(judge, {"clip_norm": None})
    assert treatment.ending == "nothing left to try"
    assert [params for params, _ in trainer.trained] == [{"clip_norm": None}, {"clip_norm": 1.0}]
    assert treatment.best == 0


def test_a_failed_attempt_is_told_and_reverted() -> None:
    def judge(params: Mapping[str, Any]) -> tuple[float, tuple[Finding, ...]]:
        if params["batch_size"] == 64:
            return -1.0, ()
        return 0.5, (finding("batch-size", Change("batch_size", 64.0)),)

    treatment, _ = course(judge, {"batch_size": 8})
    assert standings(treatment) == ["baseline", "failed"]
    assert treatment.attempts[1].reason == "ValueError: no"


def test_a_first_training_that_fails_is_an_error() -> None:
    with pytest.raises(TuneGuardError, match="ValueError: no"):
        course(lambda _: (-1.0, ()), {"lr": 1.0})


def test_seeds_are_the_same_in_every_attempt() -> None:
    treatment, trainer = course(too_high, {"lr": 0.1}, seeds=(3, 4))
    assert [seed for _, seed in trainer.trained] == [3, 4, 3, 4]
    assert [len(one.trials) for one in treatment.attempts] == [2, 2]


def test_what_is_clearly_worse_is_not_trained_with_further_seeds() -> None:
    def judge(params: Mapping[str, Any]) -> tuple[float, tuple[Finding, ...]]:
        found = finding("underfitting", Change("learning_rate", 10.0, "multiply"))
        return (0.2 if params["lr"] == 1.0 else 1.8), (found,)

    treatment, trainer = course(judge, {"lr": 1.0}, seeds=(0, 1, 2))
    assert standings(treatment) == ["baseline", "reverted"]
    assert len(trainer.trained) == 4


@pytest.mark.parametrize(("trainings", "made"), [(1, 1), (2, 2), (3, 3)])
def test_the_number_of_trainings_is_kept_to(trainings: int, made: int) -> None:
    treatment, trainer = course(too_high, {"lr": 100.0}, budget=Budget(trainings))
    assert treatment.ending == "no trainings left"
    assert len(trainer.trained) == treatment.trainings == made


def test_no_training_begins_when_time_is_up() -> None:
    treatment, _ = course(too_high, {"lr": 100.0}, budget=Budget(seconds=1e-9))
    assert (treatment.ending, treatment.trainings) == ("no time left", 1)


def test_a_budget_without_a_training_is_refused() -> None:
    with pytest.raises(TuneGuardError, match="at least one training"):
        Budget(0)


def test_each_attempt_is_told_when_it_has_ended() -> None:
    told: list[Attempt] = []
    course(too_high, {"lr": 0.1}, on_attempt=lambda one: told.append(one.attempts[-1]))
    assert [one.standing for one in told] == ["baseline", "kept"]
