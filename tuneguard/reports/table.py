"""Findings as a table in the layout of `mlflow.log_table`, to compare them across runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final

from tuneguard.diagnosis import Diagnosis
from tuneguard.findings import Evidence, Finding
from tuneguard.reports.untrusted import cleaned
from tuneguard.reports.wording import change, number, relation

COLUMNS: Final = (
    "severity",
    "rule",
    "summary",
    "fix",
    "change",
    "evidence",
    "first_step",
    "last_step",
    "explained_by",
    "rule_id",
)


def findings_table(diagnosis: Diagnosis) -> str:
    """Return a JSON table with a row for each finding, each cause before its symptoms.

    A symptom has no fix of its own: it should go away with its cause.
    """
    rows = list(_rows(cleaned(diagnosis).findings, explained_by=""))
    return json.dumps({"columns": COLUMNS, "data": rows})


def _rows(findings: Sequence[Finding], explained_by: str) -> Iterator[list[str]]:
    for finding in findings:
        fix = None if explained_by else next(iter(finding.prescriptions), None)
        yield [
            str(finding.severity),
            finding.rule,
            finding.summary,
            fix.action if fix else "",
            change(fix) if fix else "",
            "; ".join(_measured(evidence) for evidence in finding.evidence),
            number(finding.first_step),
            number(finding.last_step),
            explained_by,
            finding.rule_id,
        ]
        yield from _rows(finding.symptoms, explained_by=finding.rule)


def _measured(evidence: Evidence) -> str:
    comparison = f"{number(evidence.value)} {relation(evidence)} {number(evidence.threshold)}"
    return f"{evidence.metric}, {evidence.statistic}: {comparison}"
