"""Which exit code a diagnosis has."""

import pytest

from tuneguard.cli.examination import Examined
from tuneguard.diagnosis import BrokenRule, Diagnosis
from tuneguard.findings import Abstained, Evidence, Finding, Passed, Severity


def finding(severity: Severity, *symptoms: Finding) -> Finding:
    evidence = Evidence("train/loss", "median", 2.0, 1.0, (0, 10))
    return Finding(
        "overfitting", "TG101", severity, "It did.", "It is bad.", (evidence,), 0.9, (), symptoms
    )


def diagnosis(*findings: Finding, verdict="healthy", broken=()) -> Diagnosis:
    return Diagnosis(verdict, findings, (), (), broken)


def exit_code(told: Diagnosis | None, fail_on: str = "warning") -> int:
    return Examined("run", told).exit_code(fail_on)


@pytest.mark.parametrize(
    ("severity", "fail_on", "code"),
    [
        (Severity.INFO, "info", 1),
        (Severity.INFO, "warning", 0),
        (Severity.WARNING, "warning", 1),
        (Severity.WARNING, "critical", 0),
        (Severity.CRITICAL, "critical", 1),
        (Severity.CRITICAL, "never", 0),
    ],
)
def test_a_finding_counts_from_the_severity_that_was_asked_for(severity, fail_on, code):
    assert exit_code(diagnosis(finding(severity)), fail_on) == code


def test_a_symptom_counts_like_its_cause():
    cause = finding(Severity.INFO, finding(Severity.CRITICAL))

    assert exit_code(diagnosis(cause), "critical") == 1


def test_nothing_found_is_0():
    assert exit_code(diagnosis()) == 0


def test_inconclusive_is_2_even_where_findings_never_count():
    assert exit_code(diagnosis(verdict="inconclusive"), "never") == 2


def test_a_target_without_a_diagnosis_is_2():
    assert exit_code(None, "never") == 2


def test_a_broken_rule_is_never_taken_for_nothing_found():
    broken = (BrokenRule("overfitting", "TG101", "ZeroDivisionError"),)

    assert exit_code(diagnosis(broken=broken)) == 2
    assert exit_code(diagnosis(finding(Severity.WARNING), broken=broken)) == 1


def test_chosen_rules_that_all_passed_are_0_though_they_cannot_show_health():
    passed = Diagnosis("inconclusive", (), (Passed("overfitting", "TG101", ()),), ())
    untold = Diagnosis("inconclusive", (), passed.passed, (Abstained("x", "TG999", "no loss"),))

    assert Examined("run", passed, is_selection=True).exit_code("warning") == 0
    assert Examined("run", passed).exit_code("warning") == 2
    assert Examined("run", untold, is_selection=True).exit_code("warning") == 2
