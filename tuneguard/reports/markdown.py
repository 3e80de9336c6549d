"""A diagnosis as Markdown: the report, in GitHub's dialect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tuneguard.diagnosis import Diagnosis, flatten
from tuneguard.findings import Evidence, Finding, LayerMap, Passed, Prescription
from tuneguard.reports import layer_wording, wording
from tuneguard.reports.untrusted import cleaned, code_block, code_span, markdown_safe
from tuneguard.version import __version__


def render_markdown(diagnosis: Diagnosis) -> str:
    """Return the whole diagnosis as a Markdown document."""
    return "\n\n".join(_report(cleaned(diagnosis))) + "\n"


def _report(diagnosis: Diagnosis) -> Iterator[str]:
    headline = markdown_safe(wording.headline(diagnosis))
    yield f"# {diagnosis.verdict.capitalize()}: {headline}"
    yield _origin(diagnosis)
    for rank, finding in enumerate(diagnosis.findings, start=1):
        yield from _finding(finding, rank)
    for layer_map in diagnosis.layers:
        yield f"## {markdown_safe(layer_wording.quantity(layer_map))} of the layers"
        yield "\n".join(_extremes(layer_map))
    yield from _looked_at(diagnosis)


def _origin(diagnosis: Diagnosis) -> str:
    identity = diagnosis.identity
    facts = [f"Run {code_span(wording.run_name(diagnosis))}"]
    if identity.run_id and identity.name:
        facts.append(f"id {code_span(identity.run_id)}")
    if identity.tracking_uri:
        facts.append(f"tracking URI {code_span(identity.tracking_uri)}")
    if diagnosis.is_running:
        facts.append("still running")
    return f"{', '.join(facts)}. Diagnosed by tuneguard {__version__}."


def _finding(finding: Finding, rank: int) -> Iterator[str]:
    yield f"## {rank}. {markdown_safe(wording.title(finding.rule))}"
    yield (
        f"**{str(finding.severity).capitalize()}**, {markdown_safe(finding.rule_id)}, "
        f"{wording.since(finding)}, confidence {wording.confidence(finding)}. "
        f"{markdown_safe(finding.summary)}"
    )
    yield f"*Why it matters:* {markdown_safe(finding.why)}"
    yield _evidence_table(finding.evidence, wording.axis_word(finding))
    for number, fix in enumerate(finding.prescriptions, start=1):
        yield f"### Fix {number}: {markdown_safe(fix.action)}"
        yield from _fix(fix)
    if finding.symptoms:
        yield wording.explains(finding)
        yield "\n".join(line for one in flatten(finding.symptoms) for line in _symptom(one))


def _symptom(finding: Finding) -> Iterator[str]:
    yield (
        f"- **{markdown_safe(wording.title(finding.rule))}** ({finding.severity}, "
        f"{markdown_safe(finding.rule_id)}, {wording.since(finding)}): "
        f"{markdown_safe(finding.summary)}"
    )
    for evidence in finding.evidence:
        yield f"  - {measured(evidence, wording.axis_word(finding))}"


def measured(evidence: Evidence, axis: str) -> str:
    """Return a number with its limit as one line of Markdown."""
    relation = markdown_safe(wording.relation(evidence))
    return (
        f"{code_span(evidence.metric)}, {markdown_safe(evidence.statistic)}: "
        f"{wording.number(evidence.value)} {relation} {wording.number(evidence.threshold)} "
        f"({wording.window(evidence.steps, axis)})"
    )


def _evidence_table(evidence: Sequence[Evidence], axis: str) -> str:
    rows = ["| series | measured | value | limit | where |", "|---|---|--:|--:|---|"]
    for one in evidence:
        value, limit = wording.number(one.value), wording.number(one.threshold)
        relation = markdown_safe(wording.relation(one))
        rows.append(
            f"| {_cell(one.metric)} | {markdown_safe(one.statistic)} | {value} "
            f"| {relation} {limit} | {wording.window(one.steps, axis)} |"
        )
    return "\n".join(rows)


def _fix(fix: Prescription) -> Iterator[str]:
    yield f"{code_span(wording.change(fix, arrow='→'))}"
    topics = (
        ("Tried", fix.track_record),
        ("Because", fix.rationale),
        ("Tradeoff", fix.tradeoff),
        ("Verify", fix.verify),
    )
    yield "\n".join(f"- *{topic}:* {markdown_safe(text)}" for topic, text in topics if text)
    if fix.snippet:
        yield code_block(fix.snippet, "python")


def _looked_at(diagnosis: Diagnosis) -> Iterator[str]:
    if diagnosis.broken:
        yield "## Rules that failed"
        yield "A bug in the rule; it says nothing of the run."
        yield "\n".join(
            f"- {markdown_safe(one.rule)} ({markdown_safe(one.rule_id)}): {code_span(one.error)}"
            for one in diagnosis.broken
        )
    if diagnosis.passed:
        yield "## Checked and passed"
        yield "\n".join(_passed(diagnosis.passed))
    if diagnosis.abstained:
        yield "## Could not be judged"
        yield "\n".join(_not_judged(diagnosis))
    if diagnosis.notes:
        yield "## Notes"
        yield "\n".join(f"- {markdown_safe(note)}" for note in diagnosis.notes)


def _passed(passed: Sequence[Passed]) -> Iterator[str]:
    yield "| check | series | measured | value | limit |"
    yield "|---|---|---|--:|--:|"
    for one in passed:
        check = markdown_safe(wording.title(one.rule))
        for evidence in one.evidence:
            yield (
                f"| {check} | {_cell(evidence.metric)} | {markdown_safe(evidence.statistic)} "
                f"| {wording.number(evidence.value)} | {wording.number(evidence.threshold)} |"
            )
        if not one.evidence:
            yield f"| {check} | | | | |"


def _extremes(layer_map: LayerMap) -> Iterator[str]:
    yield f"| among {layer_map.layer_count} layers | value | layer | where |"
    yield "|---|--:|---|---|"
    for one in layer_map.extremes:
        yield (
            f"| {markdown_safe(one.word)} | {wording.number(one.value)} | {_cell(one.layer)} "
            f"| {wording.window(one.steps, layer_map.axis)} |"
        )


def _cell(text: str) -> str:
    """Return `text` as code that cannot end the cell of a table."""
    return code_span(text).replace("|", "\\|")


def _not_judged(diagnosis: Diagnosis) -> Iterator[str]:
    for rules, reason, needs in wording.abstentions(diagnosis.abstained):
        advice = f" *To record:* {markdown_safe(needs)}" if needs else ""
        yield f"- **{markdown_safe(rules)}:** {markdown_safe(reason)}.{advice}"
