"""Verdicts in the terminal, as Markdown and as JSON."""

from __future__ import annotations

import json
from dataclasses import replace

from tuneguard.feedback import TracedFinding, Verdict
from tuneguard.reports.verdicts import render_verdicts, verdicts_json, verdicts_markdown

HOSTILE = "<script>alert(1)</script> | \x1b[2J *x* ![p](https://evil.example)"
JUDGED = TracedFinding(
    experiment_id="1",
    run_id="abc",
    trace_id="tr-1",
    rule="divergence",
    severity="critical",
    summary="Divergence: the loss rose.",
    written_at=1_000,
    verdicts=(
        Verdict("anna", "real_problem", "True", "", 1_000),
        Verdict("bela", "tone", "fine", "", 1_500),
        Verdict("anna", "real_problem", "False", "a warm-up", 2_000),
    ),
)


def test_every_word_is_shown_and_what_counts_is_said() -> None:
    lines = render_verdicts([JUDGED]).splitlines()
    assert lines[:5] == [
        "divergence (critical) in run abc: false alarm",
        "  Divergence: the loss rose.",
        "  anna says real problem (before changing their mind)",
        "  bela says tone = fine, not counted",
        "  anna says false alarm: a warm-up",
    ]


def test_false_alarms_are_a_table_with_intervals() -> None:
    header, row = render_verdicts([JUDGED]).splitlines()[-2:]
    assert header == "rule        judged  false alarms  share  95 % interval  disputed  open"
    assert row == "divergence       1             1   100%    21% to 100%         0     0"


def test_findings_of_which_nobody_said_anything_can_be_counted_only() -> None:
    silent = replace(JUDGED, run_id="def", verdicts=())
    brief = render_verdicts([silent, JUDGED], brief=True)
    assert "def" not in brief
    assert brief.splitlines()[-1].endswith("1")
    assert "def" in render_verdicts([silent, JUDGED])
    assert "def" not in verdicts_markdown([silent], brief=True)


def test_hostile_feedback_does_nothing() -> None:
    verdict = Verdict(HOSTILE, HOSTILE, HOSTILE, HOSTILE, 0)
    finding = TracedFinding(HOSTILE, HOSTILE, "t", HOSTILE, HOSTILE, HOSTILE, 0, (verdict,))
    assert "\x1b" not in render_verdicts([finding])
    markdown = verdicts_markdown([finding])
    assert "<script>" not in markdown
    assert "![p]" not in markdown
    cells = [line.count(" | ") for line in markdown.splitlines() if line.startswith("|")]
    assert cells == [4, 4, 4, 6, 6, 6]
    assert json.loads(verdicts_json([finding]))["findings"][0]["verdicts"][0]["person"] == HOSTILE


def test_the_document_says_what_is_behind_each_rate() -> None:
    document = json.loads(verdicts_json([JUDGED]))
    (rule,) = document["rules"]
    assert (rule["judged"], rule["false_alarms"], rule["false_alarm_rate"]) == (1, 1, 1.0)
    (finding,) = document["findings"]
    assert finding["outcome"] == "false alarm"
    assert finding["verdicts"][-1] == {
        "person": "anna",
        "name": "real_problem",
        "value": "False",
        "opinion": "false alarm",
        "rationale": "a warm-up",
        "given_at": "1970-01-01T00:00:02+00:00",
    }
    assert finding["verdicts"][1]["opinion"] is None
