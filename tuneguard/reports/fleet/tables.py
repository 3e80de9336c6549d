"""The runs of an experiment for programs: a JSON document, and a table as CSV."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from typing import Any, Final

from tuneguard.reports.fleet import phrases
from tuneguard.reports.untrusted import cleaned
from tuneguard.scanned_run import ScannedRun, ScanSummary
from tuneguard.version import __version__

SCHEMA_VERSION: Final = "1"
COLUMNS: Final = (
    "verdict",
    "run_id",
    "name",
    "status",
    "start_time",
    "findings",
    "outcome",
    "reason",
    "url",
)
_FORMULA_STARTS: Final = tuple("=+-@")


def to_json(summary: ScanSummary) -> str:
    """Return the document as strict JSON in plain ASCII: nothing in it can move a terminal."""
    return json.dumps(to_document(summary), indent=2, allow_nan=False) + "\n"


def to_document(summary: ScanSummary) -> dict[str, Any]:
    """Return what a scan found as lists, mappings, texts and numbers, as the runs spell them."""
    return {
        "schema_version": SCHEMA_VERSION,
        "tuneguard_version": __version__,
        "experiment": summary.experiment,
        "tracking_uri": summary.tracking_uri,
        "verdicts": summary.verdicts(),
        "outcomes": summary.outcomes(),
        "runs": [_run(run) for run in summary.runs],
    }


def to_csv(summary: ScanSummary) -> str:
    """Return a table with a row for each run; no cell of it is a formula to a spreadsheet."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    for run in cleaned(summary).runs:
        fields = {**asdict(run), "findings": phrases.findings(run)}
        writer.writerow([_cell(fields[column]) for column in COLUMNS])
    return table.getvalue()


def _run(run: ScannedRun) -> dict[str, Any]:
    findings = [{**asdict(one), "severity": str(one.severity)} for one in run.findings]
    return {**asdict(run), "findings": findings}


def _cell(value: object) -> object:
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    return value
