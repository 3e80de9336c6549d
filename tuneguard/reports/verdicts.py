"""People's verdicts on findings as text, Markdown or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import Any, Final

from tuneguard.feedback import RuleRecord, TracedFinding, Verdict, records_by_rule
from tuneguard.reports.untrusted import clipped, markdown_safe, terminal_safe

SCHEMA_VERSION: Final = "1"

_WORDS: Final = 200
_COLUMNS: Final = ("rule", "judged", "false alarms", "share", "95 % interval", "disputed", "open")


def render_verdicts(findings: Sequence[TracedFinding], *, brief: bool = False) -> str:
    """Return findings with what people said, and the false alarms of each rule, as text.

    Args:
        findings: What people can judge.
        brief: Whether to only count the findings of which nobody has said anything.
    """
    lines = [line for finding in _listed(findings, brief) for line in _finding(finding)]
    return "\n".join([*lines, *([""] if lines else []), *_table(records_by_rule(findings))]) + "\n"


def verdicts_markdown(findings: Sequence[TracedFinding], *, brief: bool = False) -> str:
    """Return the same as a Markdown document of two tables."""
    rows = [_row(finding) for finding in _listed(findings, brief)]
    records = [_cells(record) for record in records_by_rule(findings)]
    return "\n\n".join(
        [
            "# Verdicts on findings",
            _markdown_table(("rule", "severity", "run", "verdict", "people say"), rows),
            "## False alarms",
            _markdown_table(_COLUMNS, records),
        ]
    )


def verdicts_json(findings: Sequence[TracedFinding]) -> str:
    """Return the same as a JSON document, with every text as people wrote it."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "findings": [_finding_document(finding) for finding in findings],
        "rules": [_record_document(record) for record in records_by_rule(findings)],
    }
    return json.dumps(document, indent=2, allow_nan=False)


def _listed(findings: Sequence[TracedFinding], brief: bool) -> list[TracedFinding]:
    return [finding for finding in findings if finding.verdicts or not brief]


def _finding(finding: TracedFinding) -> Iterator[str]:
    yield terminal_safe(
        f"{finding.rule} ({finding.severity}) in run {finding.run_id}: {finding.outcome}"
    )
    yield f"  {terminal_safe(finding.summary)}"
    for verdict in finding.verdicts:
        yield f"  {terminal_safe(_said(verdict, finding))}"


def _said(verdict: Verdict, finding: TracedFinding) -> str:
    why = f": {clipped(verdict.rationale, _WORDS)}" if verdict.rationale else ""
    given = f"{clipped(verdict.name, _WORDS)} = {clipped(verdict.value, _WORDS)}"
    if verdict.opinion is None:
        return f"{verdict.person} says {given}, not counted{why}"
    is_latest = finding.counted[verdict.person] is verdict
    changed = "" if is_latest else " (before changing their mind)"
    return f"{verdict.person} says {verdict.opinion}{changed}{why}"


def _table(records: Sequence[RuleRecord]) -> list[str]:
    rows = [_COLUMNS, *map(_cells, records)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    return [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _cells(record: RuleRecord) -> tuple[str, ...]:
    low, high = record.interval
    rate = record.false_alarm_rate
    return (
        terminal_safe(record.rule),
        str(record.judged),
        str(record.false_alarms),
        "-" if rate is None else f"{rate:.0%}",
        "-" if rate is None else f"{low:.0%} to {high:.0%}",
        str(record.disputed),
        str(record.unreviewed),
    )


def _row(finding: TracedFinding) -> tuple[str, ...]:
    said = "; ".join(_said(verdict, finding) for verdict in finding.verdicts)
    return (finding.rule, finding.severity, finding.run_id, finding.outcome, said)


def _markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *([markdown_safe(c) for c in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _finding_document(finding: TracedFinding) -> dict[str, Any]:
    return {
        "experiment_id": finding.experiment_id,
        "run_id": finding.run_id,
        "trace_id": finding.trace_id,
        "rule": finding.rule,
        "severity": finding.severity,
        "summary": finding.summary,
        "outcome": finding.outcome,
        "verdicts": [_verdict_document(verdict) for verdict in finding.verdicts],
    }


def _verdict_document(verdict: Verdict) -> dict[str, Any]:
    given_at = datetime.fromtimestamp(verdict.given_at / 1000, tz=timezone.utc)
    return {
        "person": verdict.person,
        "name": verdict.name,
        "value": verdict.value,
        "opinion": verdict.opinion,
        "rationale": verdict.rationale,
        "given_at": given_at.isoformat(timespec="seconds"),
    }


def _record_document(record: RuleRecord) -> dict[str, Any]:
    return {
        "rule": record.rule,
        "judged": record.judged,
        "real_problems": record.real_problems,
        "false_alarms": record.false_alarms,
        "false_alarm_rate": record.false_alarm_rate,
        "interval": list(record.interval),
        "disputed": record.disputed,
        "unreviewed": record.unreviewed,
    }
