"""A diagnosis holds every rule's outcome, and no rule can hide another's."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pytest

from tuneguard.diagnosis import diagnose
from tuneguard.findings import Evidence, Finding, Outcome, Passed, Severity, View
from tuneguard.history import Role, RunHistory
from tuneguard.rule import Requirement, Rule
from tuneguard.rules import BUILTIN_RULES
from tuneguard.rules.divergence import Divergence
from tuneguard.rules.overfitting import Overfitting

EVIDENCE = Evidence("loss", "level", 2.0, 1.0, (0.0, 9.0))


@dataclass(frozen=True)
class Finds(Rule):
    """Finds something in every run."""

    id: ClassVar[str] = "TG901"
    name: ClassVar[str] = "always"
    default_severity: ClassVar[Severity] = Severity.WARNING

    level: Severity = Severity.WARNING
    view: View | None = None
    evidence: tuple[Evidence, ...] = (EVIDENCE,)

    def check(self, history: RunHistory) -> Outcome:
        return self.found(
            "It was.",
            "It matters.",
            self.evidence,
            confidence=0.5,
            severity=self.level,
            view=self.view,
        )


@dataclass(frozen=True)
class Passes(Rule):
    """Passes every run that has a validation loss."""

    id: ClassVar[str] = "TG902"
    name: ClassVar[str] = "never"
    default_severity: ClassVar[Severity] = Severity.INFO
    requires: ClassVar[tuple[Requirement, ...]] = (Requirement((Role.VALIDATION_LOSS,), 3),)

    def check(self, history: RunHistory) -> Outcome:
        return self.passed(EVIDENCE)


@dataclass(frozen=True)
class JudgesLearning(Passes):
    """Passes, and knows by it that the run learned."""

    id: ClassVar[str] = "TG903"
    name: ClassVar[str] = "learned"
    judges_learning: ClassVar[bool] = True


@dataclass(frozen=True)
class Breaks(Rule):
    """Does what it is told to do in place of an outcome."""

    id: ClassVar[str] = "TG904"
    name: ClassVar[str] = "broken"
    default_severity: ClassVar[Severity] = Severity.INFO

    answer: object = field(default_factory=lambda: ZeroDivisionError("by nothing"))

    def check(self, history: RunHistory) -> Outcome:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer  # type: ignore[return-value] - the fault to be found


def run(**series: list[float]) -> RunHistory:
    return RunHistory.from_series(
        {key: list(enumerate(values)) for key, values in series.items()}, axis="step"
    )


VALIDATED = run(loss=[3.0, 2.0, 1.0], val_loss=[3.0, 2.0, 1.0])


def test_each_outcome_has_its_place() -> None:
    diagnosis = diagnose(VALIDATED, [Finds(), Passes(), Breaks()])
    assert [one.rule for one in diagnosis.findings] == ["always"]
    assert [one.rule for one in diagnosis.passed] == ["never"]
    assert [one.rule for one in diagnosis.broken] == ["broken"]
    assert diagnosis.abstained == ()


@pytest.mark.parametrize(
    ("series", "reason"),
    [
        ({"loss": [1.0, 2.0]}, "the run has no validation loss"),
        ({"val_loss": [1.0, math.nan, 2.0]}, "2 finite points, 3 are needed"),
    ],
)
def test_a_rule_whose_needs_are_not_met_is_not_asked(
    series: dict[str, list[float]], reason: str
) -> None:
    diagnosis = diagnose(run(**series), [Passes])
    assert len(diagnosis.abstained) == 1
    assert reason in diagnosis.abstained[0].reason
    assert "validate" in diagnosis.abstained[0].needs


@pytest.mark.parametrize(
    ("rules", "verdict"),
    [
        ([Finds(level=Severity.CRITICAL), Finds(level=Severity.INFO)], "critical"),
        ([Finds(level=Severity.WARNING), JudgesLearning()], "warning"),
        ([Finds(level=Severity.INFO), JudgesLearning()], "info"),
        ([JudgesLearning(), Breaks()], "healthy"),
        ([Passes()], "inconclusive"),
        ([Breaks()], "inconclusive"),
        ([], "inconclusive"),
    ],
    ids=["critical", "warning", "info", "healthy", "no judge", "broken", "nobody"],
)
def test_the_verdict_is_the_worst_finding_or_rests_on_a_judge_of_learning(
    rules: list[Rule], verdict: str
) -> None:
    assert diagnose(VALIDATED, rules).verdict == verdict


@pytest.mark.parametrize(
    "broken",
    [
        Breaks(),
        Breaks(answer=None),
        Breaks(answer="a finding"),
        Finds(evidence=()),
        Finds(view=View(("no such series",))),
        Finds(view=View(())),
    ],
    ids=["raises", "none", "text", "no evidence", "unknown series", "empty view"],
)
def test_a_broken_rule_is_reported_logged_and_hides_nothing(
    broken: Rule, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "tuneguard"):
        diagnosis = diagnose(VALIDATED, [broken, JudgesLearning(), Finds()])
    assert [one.rule_id for one in diagnosis.broken] == [broken.id]
    assert "Error: " in diagnosis.broken[0].error
    assert len(diagnosis.passed) == len(diagnosis.findings) == 1
    assert [record.exc_info is not None for record in caplog.records] == [True]


def test_an_interrupt_is_not_caught() -> None:
    @dataclass(frozen=True)
    class Interrupted(Finds):
        """Is interrupted from the keyboard."""

        def check(self, history: RunHistory) -> Outcome:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        diagnose(VALIDATED, [Interrupted()])


def test_rules_may_be_classes_or_instances_with_their_own_thresholds() -> None:
    diagnosis = diagnose(VALIDATED, iter([Overfitting(min_rise=0.5), Divergence]))
    assert diagnosis.rules[0].startswith("TG101 Overfitting(min_rise=0.5,")
    assert diagnosis.rules[1] == f"TG402 {Divergence()!r}"


def test_all_rules_are_asked_unless_others_are_named() -> None:
    assert [text.split()[0] for text in diagnose(VALIDATED).rules] == [
        rule.id for rule in BUILTIN_RULES
    ]


def test_a_diagnosis_of_the_same_run_is_the_same() -> None:
    losses = list(2.0 + np.random.default_rng(0).normal(size=300))
    history = run(loss=losses, val_loss=losses[::2])
    first, second = diagnose(history), diagnose(history)
    assert repr(first) == repr(second)


def test_what_is_known_of_the_run_is_passed_on() -> None:
    history = RunHistory.from_series({"loss": [(0, 1.0), (5, 1.0), (2, 1.0)]}, status="running")
    diagnosis = diagnose(history)
    assert diagnosis.is_running
    assert diagnosis.notes == history.notes != ()
    assert diagnosis.identity is history.identity


def test_a_picture_has_few_points_and_loses_no_odd_one() -> None:
    values = np.random.default_rng(0).normal(size=20_000)
    values[1234], values[9999] = math.nan, 1e6
    diagnosis = diagnose(run(loss=list(values)), [Finds(view=View(("loss",)))])
    picture = diagnosis.findings[0].picture
    assert picture is not None
    line = picture.lines[0]
    assert len(line.steps) == len(line.values) <= 401
    assert math.isnan(line.values[line.steps.index(1234.0)])
    assert line.values[line.steps.index(9999.0)] == 1e6


@pytest.mark.parametrize("axis", ["step", "epoch"])
def test_a_picture_knows_what_its_series_counts(axis: str) -> None:
    history = RunHistory.from_series({"loss": [(0, 2.0), (1, 1.0)]}, axis=axis)
    finding = diagnose(history, [Finds(view=View(("loss",)))]).findings[0]
    assert finding.picture is not None
    assert finding.picture.axis == axis


def test_symptoms_are_listed_after_their_cause() -> None:
    @dataclass(frozen=True)
    class Causes(Finds):
        """Explains what is always found."""

        id: ClassVar[str] = "TG905"
        name: ClassVar[str] = "cause"
        explains: ClassVar[frozenset[str]] = frozenset({"always"})

    diagnosis = diagnose(VALIDATED, [Finds(), Causes(level=Severity.CRITICAL)])
    assert [one.rule for one in diagnosis.findings] == ["cause"]
    assert [one.rule for one in diagnosis.all_findings()] == ["cause", "always"]
    assert all(isinstance(one, Finding) for one in diagnosis.all_findings())


def test_evidence_of_what_passed_is_kept() -> None:
    passed = diagnose(VALIDATED, [Passes()]).passed
    assert passed == (Passed("never", "TG902", (EVIDENCE,)),)


def test_without_pictures_the_same_is_found() -> None:
    losses = [(step, 2.0 * 0.99**step) for step in range(120)]
    losses += [(step, 2.0 * 1.05 ** (step - 120)) for step in range(120, 240)]
    history = RunHistory.from_series({"train_loss": losses}, axis="step")
    drawn, plain = diagnose(history), diagnose(history, pictures=False)
    assert [one.rule for one in plain.all_findings()] == [one.rule for one in drawn.all_findings()]
    assert any(one.picture is not None for one in drawn.all_findings())
    assert all(one.picture is None for one in plain.all_findings())
    assert (plain.overview, plain.layers) == (None, ())
