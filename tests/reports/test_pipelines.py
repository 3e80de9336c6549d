from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest

from tuneguard.reports.pipelines import Judged
from tuneguard.reports.pipelines.github import render_github
from tuneguard.reports.pipelines.junit import render_junit
from tuneguard.reports.pipelines.sarif import render_sarif

RUN = "3f2a9c51d0b84e6f8a7e2b1c9d4f5a60"
BROKEN_OFF = Judged("gone.csv", True, None, "there is no file gone.csv")


@pytest.fixture
def diverged(samples):
    return Judged(RUN, False, samples.diverged())


def test_sarif_has_a_result_for_each_finding(diverged):
    (run,) = json.loads(render_sarif([diverged]))["runs"]
    findings = diverged.diagnosis.all_findings()
    assert [one["ruleId"] for one in run["results"]] == [one.rule_id for one in findings]
    levels = {"critical": "error", "warning": "warning", "info": "note"}
    assert [one["level"] for one in run["results"]] == [levels[str(f.severity)] for f in findings]
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == {f.rule_id for f in findings}
    place = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place == {"uri": f"runs:/{RUN}"}
    assert run["invocations"][0]["executionSuccessful"]


def test_sarif_tells_of_what_could_not_be_judged(diverged):
    (run,) = json.loads(render_sarif([diverged, BROKEN_OFF]))["runs"]
    (invocation,) = run["invocations"]
    assert not invocation["executionSuccessful"]
    assert "gone.csv" in invocation["toolExecutionNotifications"][0]["message"]["text"]


def test_one_result_of_two_runs_has_two_fingerprints(samples):
    two = [
        Judged("a" * 32, False, samples.diverged()),
        Judged("b" * 32, False, samples.diverged()),
    ]
    (run,) = json.loads(render_sarif(two))["runs"]
    prints = [one["partialFingerprints"]["tuneguard/v1"] for one in run["results"]]
    assert len(set(prints)) == len(prints)


def test_junit_fails_alarms_and_skips_what_could_not_be_told(diverged):
    suite = ET.fromstring(render_junit([diverged])).find("testsuite")
    diagnosis = diverged.diagnosis
    alarms = [one for one in diagnosis.all_findings() if str(one.severity) != "info"]
    assert int(suite.get("failures")) == len(suite.findall("*/failure")) == len(alarms) > 0
    assert int(suite.get("skipped")) == len(diagnosis.abstained) > 0
    assert int(suite.get("errors")) == len(diagnosis.broken)
    assert int(suite.get("tests")) == len(suite.findall("testcase"))
    failed = suite.find("testcase[failure]")
    assert failed.get("name") == alarms[0].rule
    assert failed.find("failure").get("message") == alarms[0].summary


def test_junit_counts_a_target_without_a_diagnosis_as_an_error():
    suite = ET.fromstring(render_junit([BROKEN_OFF])).find("testsuite")
    assert (suite.get("tests"), suite.get("errors")) == ("1", "1")


def test_github_shows_every_finding_on_a_line_of_its_own(diverged):
    lines = render_github([diverged, BROKEN_OFF]).splitlines()
    findings = diverged.diagnosis.all_findings()
    assert len(lines) == len(findings) + 1
    for line, finding in zip(lines, findings, strict=False):
        assert line.startswith(("::error ", "::warning ", "::notice "))
        assert f"title={finding.rule_id} {finding.rule}%3A {RUN}::" in line
    assert lines[-1] == "::error title=could not tell%3A gone.csv::there is no file gone.csv"


def test_a_file_is_annotated_as_one(samples):
    line = render_github([Judged("logs/a,b.csv", True, samples.overfitted())]).splitlines()[0]
    assert "file=logs/a%2Cb.csv,title=" in line


@pytest.mark.parametrize("render", [render_sarif, render_junit, render_github])
def test_hostile_texts_break_out_of_nothing(render, samples, hostile):
    judged = Judged(hostile, False, samples.with_text(hostile), hostile)
    text = render([judged])
    if render is render_github:
        assert all(line.startswith("::") and line.count("::") >= 2 for line in text.splitlines())
        assert len(text.splitlines()) == len(judged.findings) + bool(hostile)
    elif render is render_junit:
        assert len(ET.fromstring(text).findall("testsuite")) == 1
    else:
        assert len(json.loads(text)["runs"]) == 1
    assert "\x1b" not in text
