"""In which order prescriptions are tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tuneguard import RunHistory, diagnose
from tuneguard.diagnosis import Diagnosis
from tuneguard.findings import Change, Evidence, Finding, Prescription, Severity, View
from tuneguard.treatment.agenda import in_turn


def fix(*changes: Change) -> Prescription:
    return Prescription("p", None, "s", "a", "r", "t", "v", "", changes)


def finding(
    rule: str, fixes: Sequence[Prescription], severity: Severity = Severity.WARNING
) -> Finding:
    return Finding(
        rule=rule,
        rule_id="TG000",
        severity=severity,
        confidence=0.8,
        summary="It is wrong.",
        why="It is.",
        evidence=(Evidence("loss", "level", 1.0, 0.5, (0.0, 1.0)),),
        prescriptions=tuple(fixes),
        view=View(("loss",)),
    )


def of(*findings: Finding) -> Diagnosis:
    empty = diagnose(RunHistory.from_series({"loss": [(0, 1.0), (1, 0.9)]}))
    return replace(empty, findings=findings)


def turns(diagnosis: Diagnosis) -> list[object]:
    return [one.changes[0].value for _, one in in_turn(diagnosis)]


def named(*values: str) -> list[Prescription]:
    return [fix(Change("setting", value)) for value in values]


def test_one_finding_keeps_its_order() -> None:
    assert turns(of(finding("a", named("1", "2", "3")))) == ["1", "2", "3"]


def test_what_is_left_of_a_cause_and_the_next_finding_take_turns() -> None:
    found = of(finding("a", named("a1", "a2", "a3")), finding("b", named("b1", "b2")))
    assert turns(found) == ["a1", "a2", "b1", "a3", "b2"]


def test_symptoms_come_before_other_causes() -> None:
    cause = replace(finding("a", named("a1")), symptoms=(finding("b", named("b1")),))
    assert turns(of(cause, finding("c", named("c1")))) == ["a1", "b1", "c1"]


def test_advice_comes_after_alarms() -> None:
    advice = finding("a", named("a1", "a2"), Severity.INFO)
    assert turns(of(advice, finding("b", named("b1", "b2")))) == ["b1", "b2", "a1", "a2"]


def test_what_takes_a_person_is_nothing_to_try() -> None:
    look = fix()
    assert turns(of(finding("a", [look, *named("a1")]))) == ["a1"]


@pytest.mark.parametrize(
    ("first", "second", "count"),
    [
        (Change("learning_rate", 0.01), Change("learning_rate", 0.012), 1),
        (Change("learning_rate", 0.01), Change("learning_rate", 0.03), 2),
        (Change("learning_rate", 0.01), Change("learning_rate", 0.01, "multiply"), 2),
        (Change("learning_rate", 0.01), Change("weight_decay", 0.01), 2),
        (Change("zero_grad", True), Change("zero_grad", True), 1),
        (Change("dropout", 0.0), Change("dropout", 0.2), 2),
    ],
)
def test_what_nearly_repeats_an_earlier_change_is_left_out(
    first: Change, second: Change, count: int
) -> None:
    found = of(finding("a", [fix(first)]), finding("b", [fix(second)]))
    assert len(list(in_turn(found))) == count
