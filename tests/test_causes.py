"""One cause, not five alarms: findings under what explains them."""

from __future__ import annotations

from itertools import permutations

import pytest

from tuneguard.causes import begin, end, under_their_causes
from tuneguard.diagnosis import flatten
from tuneguard.findings import Evidence, Finding, Severity
from tuneguard.history import RunHistory

HISTORY = RunHistory.from_series(
    {
        "loss": [(step, 1.0) for step in range(1_001)],
        "val_loss": [(step, 1.0) for step in range(0, 1_001, 100)],
    },
    axis="step",
)
Tree = dict[str, "Tree"]


def finding(
    rule: str,
    first: float = 0.0,
    last: float = 1_000.0,
    *,
    severity: Severity = Severity.CRITICAL,
    confidence: float = 0.5,
    metric: str = "loss",
) -> Finding:
    evidence = (Evidence(metric, "level", 2.0, 1.0, (first, last)),)
    return Finding(rule, "TG900", severity, "It was.", "Why.", evidence, confidence)


def tree(findings: tuple[Finding, ...]) -> Tree:
    return {one.rule: tree(one.symptoms) for one in findings}


def arranged(findings: list[Finding], **explains: set[str]) -> Tree:
    known = {rule: frozenset(others) for rule, others in explains.items()}
    return tree(under_their_causes(findings, known, HISTORY))


def test_without_explanations_all_are_causes() -> None:
    assert arranged([finding("a"), finding("b")]) == {"a": {}, "b": {}}


def test_a_symptom_hangs_under_its_cause() -> None:
    assert arranged([finding("b"), finding("a")], a={"b"}) == {"a": {"b": {}}}


def test_a_finding_that_was_over_before_the_cause_began_is_not_its_symptom() -> None:
    early, late = finding("b", 0, 300), finding("a", 400, 900)
    assert list(arranged([early, late], a={"b"})) == ["b", "a"]


def test_the_cause_may_begin_while_the_symptom_goes_on() -> None:
    assert arranged([finding("b", 0, 500), finding("a", 400)], a={"b"}) == {"a": {"b": {}}}


@pytest.mark.parametrize(("first", "second"), [("a", "b"), ("b", "a")])
def test_where_two_explain_each_other_the_earlier_is_the_cause(first: str, second: str) -> None:
    findings = [finding(first, 100), finding(second, 300)]
    assert arranged(findings[::-1], a={"b"}, b={"a"}) == {first: {second: {}}}


def test_symptoms_have_symptoms() -> None:
    findings = [finding("c", 300), finding("b", 200), finding("a", 100)]
    assert arranged(findings, a={"b"}, b={"c"}) == {"a": {"b": {"c": {}}}}


@pytest.mark.parametrize("order", ["".join(one) for one in permutations("abc")])
def test_a_cycle_loses_no_finding(order: str) -> None:
    findings = [finding(rule, 100.0 * index) for index, rule in enumerate(order)]
    known = {"a": frozenset("b"), "b": frozenset("c"), "c": frozenset("a")}
    causes = under_their_causes(findings, known, HISTORY)
    assert sorted(one.rule for one in flatten(causes)) == ["a", "b", "c"]
    assert len(causes) == 1


def test_a_symptom_of_two_causes_hangs_under_one() -> None:
    findings = [finding("a", 100), finding("b", 200), finding("c", 300)]
    assert arranged(findings, a={"c"}, b={"c"}) == {"a": {"c": {}}, "b": {}}


def test_a_rule_that_explains_itself_changes_nothing() -> None:
    assert arranged([finding("a")], a={"a"}) == {"a": {}}


def test_an_explanation_of_what_was_not_found_changes_nothing() -> None:
    assert arranged([finding("a")], a={"b"}, c={"a"}) == {"a": {}}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (finding("a", 900), finding("b", 0, severity=Severity.WARNING)),
        (finding("a", 100), finding("b", 200)),
        (finding("a", 100, confidence=0.9), finding("b", 100, confidence=0.6)),
    ],
    ids=["worse", "earlier", "surer"],
)
def test_causes_are_ordered_by_severity_then_time_then_confidence(
    before: Finding, after: Finding
) -> None:
    causes = under_their_causes([after, before], {}, HISTORY)
    assert [one.rule for one in causes] == ["a", "b"]


def test_an_info_may_explain_a_critical_one() -> None:
    mild = finding("a", severity=Severity.INFO)
    assert arranged([finding("b"), mild], a={"b"}) == {"a": {"b": {}}}


def test_steps_and_epochs_are_compared_by_how_far_the_run_was() -> None:
    history = RunHistory.from_series(
        {
            "loss": [(step, 1.0) for step in range(1_001)],
            "val_loss": [(epoch, 1.0) for epoch in range(1, 11)],
        }
    )
    epochs = finding("a", 2.0, 8.0, metric="val_loss")
    steps = finding("b", 500.0, 900.0)
    assert begin(epochs, history) == pytest.approx(0.2)
    assert end(epochs, history) == pytest.approx(0.8)
    assert begin(steps, history) == pytest.approx(0.5)


def test_evidence_of_an_unknown_series_counts_from_the_start() -> None:
    assert begin(finding("a", 500.0, metric="gone"), HISTORY) == 0.0
