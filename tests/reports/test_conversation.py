"""A finding as a conversation: what comes first, and that hostile texts mean nothing in it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tuneguard.diagnosis import Diagnosis
from tuneguard.findings import Evidence, Finding, Prescription, Severity
from tuneguard.history import RunIdentity
from tuneguard.reports.conversation import conversation_of

FIX = Prescription(
    parameter="learning_rate",
    current="0.1",
    suggested="0.03",
    action="Lower the learning rate from 0.1 to 0.03.",
    rationale="The loss left its valley.",
    tradeoff="Slower.",
    verify="The loss falls.",
    snippet="for group in optimizer.param_groups:\n    group['lr'] = 0.03",
)
EVIDENCE = Evidence("train/loss", "rise above the best", 3.0, 1.0, (120, 200))
SYMPTOM = Finding("dead-units", "TG203", Severity.WARNING, "Units died.", "Why.", (EVIDENCE,), 0.5)
FINDING = Finding(
    "divergence",
    "TG402",
    Severity.CRITICAL,
    "The loss rose.",
    "It lost what it had gained.",
    (EVIDENCE,),
    0.9,
    (FIX,),
    (SYMPTOM,),
)
DIAGNOSIS = Diagnosis(
    "critical", (FINDING,), (), (), identity=RunIdentity(run_id="abc", name="my run")
)
HOSTILE = (
    '<img src=x onerror="alert(1)"> ![p](https://evil.example/x.png) [c](javascript:alert(3)) '
    "www.evil.example a@evil.example `x` ```\n# head \x1b[31m\u202e <!-- c -->"
)


def test_what_why_and_the_first_fix_with_code() -> None:
    said = conversation_of(FINDING, DIAGNOSIS)
    assert said.question.startswith("**Divergence** in run `my run`: is it a real problem?")
    assert "`real_problem`" in said.question
    assert said.headline.startswith("### Divergence\n\n**Critical**, since step 120")
    assert said.answers[0].startswith("**Try first:** Lower the learning rate from 0.1 to 0.03.")
    assert "```python\nfor group in" in said.answers[0]
    assert "`train/loss`, rise above the best: 3 &#62; 1 (steps 120 to 200)" in said.answers[-1]
    assert "dead units" in said.answers[-1]


def test_lists_get_one_line_and_queues_the_code_as_well() -> None:
    said = conversation_of(FINDING, DIAGNOSIS)
    assert said.summary == "Divergence: The loss rose."
    assert said.fix.splitlines()[0] == FIX.action
    assert "```python" in said.fix
    long = replace(FINDING, prescriptions=(replace(FIX, snippet="x = 1\n" * 300),))
    assert conversation_of(long, DIAGNOSIS).fix == FIX.action


def test_a_symptom_sends_to_its_cause() -> None:
    said = conversation_of(SYMPTOM, DIAGNOSIS)
    assert said.fix == "Mend divergence, which explains it."
    assert "A symptom of *divergence*" in said.answers[-1]


def test_a_finding_without_a_fix_says_so() -> None:
    assert conversation_of(replace(FINDING, prescriptions=()), DIAGNOSIS).fix == (
        "Nothing is proposed."
    )


@pytest.fixture
def hostile() -> list[str]:
    evidence = replace(EVIDENCE, metric=HOSTILE * 50, statistic=HOSTILE)
    texts = dict.fromkeys(
        ("parameter", "current", "suggested", "action", "rationale", "tradeoff", "verify"), HOSTILE
    )
    finding = replace(
        FINDING,
        summary=HOSTILE * 100,
        why=HOSTILE,
        evidence=(evidence,),
        prescriptions=(replace(FIX, **texts, snippet=HOSTILE),),
    )
    diagnosis = replace(DIAGNOSIS, identity=RunIdentity(run_id="abc", name=HOSTILE * 100))
    said = conversation_of(finding, diagnosis)
    return [said.summary, said.fix, said.question, said.headline, *said.answers]


def without_code(markdown: str) -> str:
    fenced = re.sub(r"(?ms)^(`{3,})python$.*?^\1$", "", markdown)
    return re.sub(r"(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)", "", fenced)


def test_hostile_texts_are_no_markup_wherever_mlflow_shows_them(hostile: list[str]) -> None:
    for text in map(without_code, hostile):
        assert not re.search(r"<[a-z!]", text)
        assert not re.search(r"(?<!\\)\]\(", text)
        assert not re.search(r"(?i)https?://|www\.|\w@\w", text)
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_long_names_stay_short(hostile: list[str]) -> None:
    summary, fix, question, *_ = hostile
    assert len(summary) <= 310
    assert len(fix) <= 1000
    assert len(question) < 400
