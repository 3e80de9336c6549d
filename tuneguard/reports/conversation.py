"""A finding as a conversation, the shape in which MLflow's trace view renders Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tuneguard import keys
from tuneguard.diagnosis import Diagnosis, flatten
from tuneguard.findings import Finding, Prescription
from tuneguard.reports import wording
from tuneguard.reports.markdown import measured
from tuneguard.reports.untrusted import (
    cleaned,
    clipped,
    code_block,
    code_span,
    markdown_safe,
    terminal_safe,
)

_NAME: Final = 80
_LINE: Final = 200


@dataclass(frozen=True, slots=True)
class Conversation:
    """What is said of one finding. MLflow folds each answer to its first 300 characters.

    Attributes:
        summary: The finding on one line, as plain text.
        fix: What to try first on one line, as plain text.
        question: What the person is asked, as Markdown.
        headline: What was found, as Markdown; the picture belongs right after it.
        answers: What to change, and what the finding rests on, as Markdown.
    """

    summary: str
    fix: str
    question: str
    headline: str
    answers: tuple[str, ...]


def conversation_of(finding: Finding, diagnosis: Diagnosis) -> Conversation:
    """Return what to say of a finding to the person who shall judge it.

    Args:
        finding: One of the findings of `diagnosis`.
        diagnosis: Which run it was found in, and what explains it there.
    """
    cause = _cause_of(finding, diagnosis)
    finding = cleaned(finding)
    fix = next(iter(finding.prescriptions), None)
    action = fix.action if fix else f"Mend {wording.title(cause).lower()}, which explains it."
    return Conversation(
        summary=clipped(f"{wording.title(finding.rule)}: {finding.summary}", _LINE),
        fix=clipped(action if fix or cause else "Nothing is proposed.", _LINE),
        question="\n\n".join(_question(finding, diagnosis)),
        headline="\n\n".join(_headline(finding)),
        answers=tuple("\n\n".join(answer) for answer in _answers(finding, cause)),
    )


def _cause_of(finding: Finding, diagnosis: Diagnosis) -> str:
    """Return the name of the rule that explains a finding, or an empty text."""
    for cause in diagnosis.all_findings():
        if any(symptom.rule == finding.rule for symptom in cause.symptoms):
            return terminal_safe(cause.rule)
    return ""


def _question(finding: Finding, diagnosis: Diagnosis) -> Iterator[str]:
    run = code_span(clipped(wording.run_name(diagnosis), _NAME))
    yield f"**{markdown_safe(wording.title(finding.rule))}** in run {run}: is it a real problem?"
    yield (
        f"Press *Assess*, then **+** beside `{keys.REAL_PROBLEM}`: *True* for a real problem, "
        "*False* for a false alarm. Say why under *Rationale*."
    )


def _headline(finding: Finding) -> Iterator[str]:
    yield (
        f"### {markdown_safe(wording.title(finding.rule))}\n\n"
        f"**{str(finding.severity).capitalize()}**, {wording.since(finding)}, "
        f"confidence {wording.confidence(finding)}"
    )
    yield markdown_safe(finding.summary)


def _answers(finding: Finding, cause: str) -> Iterator[Iterator[str]]:
    for number, fix in enumerate(finding.prescriptions, start=1):
        yield _fix(fix, number)
    yield _evidence(finding, cause)


def _fix(fix: Prescription, number: int) -> Iterator[str]:
    first = "Try first" if number == 1 else f"Fix {number}"
    change = code_span(clipped(wording.change(fix, arrow="→"), 2 * _NAME))
    yield f"**{first}:** {markdown_safe(fix.action)}\n\n{change}"
    if fix.snippet:
        yield code_block(fix.snippet, "python")
    topics = (("Because", fix.rationale), ("Tradeoff", fix.tradeoff), ("Verify", fix.verify))
    yield "\n".join(f"- *{topic}:* {markdown_safe(text)}" for topic, text in topics if text)


def _evidence(finding: Finding, cause: str) -> Iterator[str]:
    yield f"**Why it matters:** {markdown_safe(finding.why)}"
    yield "\n".join(f"- {measured(one, wording.axis_word(finding))}" for one in finding.evidence)
    if cause:
        yield f"A symptom of *{markdown_safe(wording.title(cause).lower())}*: mend that first."
    if finding.symptoms:
        symptoms = wording.listed([one.rule for one in flatten(finding.symptoms)])
        yield f"{wording.explains(finding)} {markdown_safe(symptoms)}."
