"""A diagnosis as a JUnit test report: a suite for each run, a test case for each rule.

The elements are those of the schema of Apache Ant's JUnit task, which pipelines agree on.
"""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree as ET

from tuneguard.findings import Finding, Severity
from tuneguard.reports.pipelines.judged import Judged, advice
from tuneguard.reports.untrusted import cleaned


def render_junit(judged: Iterable[Judged]) -> str:
    """Return the report: alarms fail, advice passes with a text, abstentions are skipped."""
    root = ET.Element("testsuites", name="tuneguard")
    for one in judged:
        _add_suite(root, one)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, "unicode") + "\n"


def _add_suite(root: ET.Element, one: Judged) -> None:
    suite = ET.SubElement(root, "testsuite", name=cleaned(one.target))
    if one.diagnosis is None:
        case = _case(suite, one, "diagnose")
        ET.SubElement(case, "error", message=cleaned(one.error))
    else:
        for finding in one.findings:
            _add_finding(_case(suite, one, finding.rule), finding)
        for passed in one.diagnosis.passed:
            _case(suite, one, passed.rule)
        for abstained in one.diagnosis.abstained:
            case = _case(suite, one, abstained.rule)
            ET.SubElement(case, "skipped", message=cleaned(abstained.reason))
        for broken in one.diagnosis.broken:
            case = _case(suite, one, broken.rule)
            ET.SubElement(case, "error", message=cleaned(broken.error))
    counts = {"tests": "testcase", "failures": "*/failure", "errors": "*/error"}
    for name, path in {**counts, "skipped": "*/skipped"}.items():
        suite.set(name, str(len(suite.findall(path))))


def _case(suite: ET.Element, one: Judged, rule: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=cleaned(one.target), name=cleaned(rule))


def _add_finding(case: ET.Element, finding: Finding) -> None:
    if finding.severity < Severity.WARNING:
        ET.SubElement(case, "system-out").text = cleaned(advice(finding))
        return
    failure = ET.SubElement(
        case, "failure", type=str(finding.severity), message=cleaned(finding.summary)
    )
    lines = [finding.why, *(one.action for one in finding.prescriptions)]
    failure.text = "\n".join(map(cleaned, lines))
