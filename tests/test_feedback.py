"""What people's feedback says of findings, and what it says of rules."""

from __future__ import annotations

import pytest

from tuneguard.feedback import TracedFinding, Verdict, opinion_of, records_by_rule


def verdict(value: str, person: str = "anna", at: int = 0, name: str = "real_problem") -> Verdict:
    return Verdict(person, name, value, "", at)


def finding(
    *verdicts: Verdict, run: str = "run", rule: str = "divergence", at: int = 0
) -> TracedFinding:
    return TracedFinding("1", run, f"tr-{run}-{at}", rule, "critical", "It rose.", at, verdicts)


@pytest.mark.parametrize(
    ("name", "value", "opinion"),
    [
        ("real_problem", "True", "real problem"),
        ("real_problem", "False", "false alarm"),
        ("Real Problem", "yes", "real problem"),
        ("tuneguard.verdict", "fail", "false alarm"),
        ("false_alarm", "True", "false alarm"),
        ("false positive", "no", "real problem"),
        ("whatever", "False alarm", "false alarm"),
        ("whatever", "real-problem", "real problem"),
        ("whatever", "True", None),
        ("real_problem", "perhaps", None),
        ("real_problem", "1", None),
        ("Feedback", "pass", None),
        ("", "", None),
    ],
)
def test_what_a_feedback_says(name: str, value: str, opinion: str | None) -> None:
    assert opinion_of(name, value) == opinion


def test_the_latest_word_of_each_person_counts() -> None:
    changed = finding(verdict("True", at=1), verdict("False", at=2))
    assert changed.outcome == "false alarm"
    assert changed.counted["anna"].given_at == 2


def test_a_word_that_is_not_understood_changes_no_mind() -> None:
    assert finding(verdict("False", at=1), verdict("hm", at=2)).outcome == "false alarm"
    assert finding(verdict("hm")).outcome == "unreviewed"


def test_most_people_decide_and_a_tie_is_disputed() -> None:
    anna, bela = verdict("True", "anna"), verdict("False", "bela")
    assert finding(anna, bela).outcome == "disputed"
    assert finding(anna, bela, verdict("False", "cem")).outcome == "false alarm"


def test_a_rule_counts_once_a_run_by_the_newest_judged_finding() -> None:
    findings = [
        finding(verdict("True"), run="a", at=1),
        finding(verdict("False"), run="a", at=2),
        finding(run="a", at=3),
        finding(verdict("True"), run="b"),
        finding(verdict("True", "anna"), verdict("False", "bela"), run="c"),
    ]
    (record,) = records_by_rule(findings)
    assert (record.real_problems, record.false_alarms) == (1, 1)
    assert (record.disputed, record.unreviewed) == (1, 1)
    assert record.false_alarm_rate == 0.5


def test_a_rule_that_nobody_judged_has_no_rate() -> None:
    (record,) = records_by_rule([finding()])
    assert record.false_alarm_rate is None
    assert record.interval == (0.0, 1.0)


def test_rules_with_the_most_false_alarms_come_first() -> None:
    findings = [
        finding(verdict("True"), rule="overfitting"),
        finding(verdict("False"), rule="divergence"),
        finding(rule="dead-units"),
    ]
    assert [record.rule for record in records_by_rule(findings)] == [
        "divergence",
        "overfitting",
        "dead-units",
    ]
