"""A diagnosis as the block that MLflow shows in a run's description."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final
from urllib.parse import quote

from tuneguard import keys
from tuneguard.diagnosis import Diagnosis
from tuneguard.findings import Finding, Prescription
from tuneguard.reports import wording
from tuneguard.reports.markdown import measured
from tuneguard.reports.untrusted import cleaned, clipped, code_span, markdown_safe
from tuneguard.version import __version__

MAX_CHARACTERS: Final = 4000

_SENTENCE: Final = 300
_NAME: Final = 80


def render_description(diagnosis: Diagnosis, picture_path: str | None) -> str:
    """Return the block for the run's description, without the markers around it.

    The UI folds it to about five lines, so the verdict and the first fix come first. What does
    not fit into `MAX_CHARACTERS` is left to the report, and said so.

    Args:
        diagnosis: What was found.
        picture_path: Path of the evidence picture among the run's artifacts, if there is one.
    """
    diagnosis = cleaned(diagnosis)
    report = (
        f"Full report: `{keys.ARTIFACTS}/report.html` among the artifacts. "
        f"Diagnosed by tuneguard {__version__}."
    )
    kept = "\n\n".join(_opening(diagnosis, picture_path))
    for block in _blocks(diagnosis):
        if len(kept) + len(block) + len(report) + 4 > MAX_CHARACTERS:
            break
        kept = f"{kept}\n\n{block}"
    return f"{kept}\n\n{report}"


def _opening(diagnosis: Diagnosis, picture_path: str | None) -> Iterator[str]:
    headline = _sentence(wording.headline(diagnosis))
    verdict = f"**{diagnosis.verdict.capitalize()}**: {headline}."
    first = next(iter(diagnosis.findings), None)
    yield f"{verdict}\n{_try_first(first)}" if first and first.prescriptions else verdict
    run_id = diagnosis.identity.run_id
    if picture_path and run_id:
        where = f"get-artifact?path={quote(picture_path, safe='')}&run_uuid={quote(run_id)}"
        yield f"![Picture of the evidence]({where})"


def _try_first(finding: Finding) -> str:
    fix = finding.prescriptions[0]
    return f"**Try first**: {_sentence(fix.action)} ({_change(fix)})"


def _change(fix: Prescription) -> str:
    return code_span(clipped(wording.change(fix, arrow="→"), 2 * _NAME))


def _blocks(diagnosis: Diagnosis) -> Iterator[str]:
    for rank, finding in enumerate(diagnosis.findings, start=1):
        yield "\n".join(_finding(finding, rank))
    if diagnosis.abstained:
        rules = clipped(wording.listed([one.rule for one in diagnosis.abstained]), _SENTENCE)
        yield f"Could not be judged: {markdown_safe(rules)}."
    if diagnosis.broken:
        rules = clipped(wording.listed([one.rule for one in diagnosis.broken]), _SENTENCE)
        yield f"Rules that failed (a bug in the rule): {markdown_safe(rules)}."
    for note in diagnosis.notes:
        yield f"Note: {_sentence(note)}"


def _finding(finding: Finding, rank: int) -> Iterator[str]:
    yield (
        f"**{rank}\\. {markdown_safe(wording.title(finding.rule))}** "
        f"({finding.severity}, {markdown_safe(finding.rule_id)}): {_sentence(finding.summary)}\n"
    )
    for one in finding.evidence[:3]:
        shown = replace(
            one, metric=clipped(one.metric, _NAME), statistic=clipped(one.statistic, _SENTENCE)
        )
        yield f"- {measured(shown, wording.axis_word(finding))}"
    for number, fix in enumerate(finding.prescriptions[:3], start=1):
        yield f"- Fix {number}: {_sentence(fix.action)} ({_change(fix)})"
    if finding.symptoms:
        symptoms = clipped(wording.listed([one.rule for one in finding.symptoms]), _SENTENCE)
        yield f"- {wording.explains(finding)} {markdown_safe(symptoms)}"


def _sentence(text: str) -> str:
    return markdown_safe(clipped(text, _SENTENCE))
