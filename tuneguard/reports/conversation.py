"""A finding as a conversation, the shape in which MLflow's trace view renders Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from tuneguard import keys
from tuneguard.diagnosis import Diagnosis, flatten
from tuneguard.findings import Evidence, Finding, Prescription
from tuneguard.reports import wording
from tuneguard.reports.markdown import measured
from tuneguard.reports.untrusted import (
    cleaned,
    clipped,
    clipped_in_the_middle,
    code_block,
    code_span,
    markdown_safe,
    terminal_safe,
)

_NAME: Final = 80
_LINE: Final = 300
_PREVIEW: Final = 1000
"""MLflow refuses longer previews."""

_LOOK_ALIKES: Final = str.maketrans("<>[]`", "\u2039\u203a()'")
# between the characters of an address, keeps a renderer from making it a link
_JOINER: Final = "\u2060"
_ADDRESS = re.compile(r"(?i):(?=//)|www(?=\.)|@")


@dataclass(frozen=True, slots=True)
class Conversation:
    """What is said of one finding. MLflow folds each answer to its first 300 characters.

    MLflow shows `summary` and `fix` as plain text in lists, and as Markdown in review queues: no
    character in their texts means anything there.

    Attributes:
        summary: The finding on one line.
        fix: What to try first on one line and, where there is room, the code for it below.
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
    return Conversation(
        summary=_inert(f"{wording.title(finding.rule)}: {finding.summary}"),
        fix=_preview_of_fix(finding, cause),
        question=_message(_question(finding, diagnosis)),
        headline=_message(_headline(finding)),
        answers=tuple(map(_message, _answers(finding, cause))),
    )


def _message(paragraphs: Iterator[str]) -> str:
    """Join paragraphs whose texts are escaped, and take the links out of them too."""
    text = "\n\n".join(paragraphs)
    for character in (":", ".", "@"):
        escaped = f"&#{ord(character)};"
        text = text.replace(escaped, f"{_JOINER}{escaped}{_JOINER}")
    return text


def _inert(text: str) -> str:
    """Return `text` on a line that is the same whether it is read as Markdown or not."""
    shown = clipped(terminal_safe(text), _LINE).translate(_LOOK_ALIKES)
    return _ADDRESS.sub(rf"\g<0>{_JOINER}", shown)


def _preview_of_fix(finding: Finding, cause: str) -> str:
    fix = next(iter(finding.prescriptions), None)
    if fix is None and cause:
        return _inert(f"Mend {wording.title(cause).lower()}, which explains it.")
    if fix is None:
        return "Nothing is proposed."
    action = _inert(fix.action)
    code = f"{action}\n\n{code_block(fix.snippet, 'python')}"
    return code if fix.snippet and len(code) <= _PREVIEW else action


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


def _shortened(evidence: Evidence) -> Evidence:
    return replace(
        evidence,
        metric=clipped_in_the_middle(evidence.metric, _NAME),
        statistic=clipped(evidence.statistic, _LINE),
    )


def _evidence(finding: Finding, cause: str) -> Iterator[str]:
    yield f"**Why it matters:** {markdown_safe(finding.why)}"
    axis = wording.axis_word(finding)
    yield "\n".join(f"- {measured(_shortened(one), axis)}" for one in finding.evidence)
    if cause:
        yield f"A symptom of *{markdown_safe(wording.title(cause).lower())}*: mend that first."
    if finding.symptoms:
        symptoms = wording.listed([one.rule for one in flatten(finding.symptoms)])
        yield f"{wording.explains(finding)} {markdown_safe(symptoms)}."
