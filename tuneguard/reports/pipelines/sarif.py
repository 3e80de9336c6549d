"""Diagnoses as a SARIF log, version 2.1.0 (OASIS, 2020)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from tuneguard.findings import Evidence, Finding, Severity
from tuneguard.reports.pipelines.judged import Judged, advice
from tuneguard.reports.untrusted import cleaned
from tuneguard.version import __version__

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.INFO: "note", Severity.WARNING: "warning", Severity.CRITICAL: "error"}


def render_sarif(judged: Iterable[Judged]) -> str:
    """Return one log with one run of the tool, whose results are the findings of all targets."""
    targets = list(judged)
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": _driver(targets)},
                "invocations": [_invocation(targets)],
                "results": [_result(one, found) for one in targets for found in one.findings],
            }
        ],
    }
    return json.dumps(log, indent=2, allow_nan=False) + "\n"


def _driver(targets: Sequence[Judged]) -> dict[str, Any]:
    names = {found.rule_id: found.rule for one in targets for found in one.findings}
    return {
        "name": "tuneguard",
        "version": __version__,
        "rules": [{"id": rule_id, "name": names[rule_id]} for rule_id in sorted(names)],
    }


def _invocation(targets: Sequence[Judged]) -> dict[str, Any]:
    notes = [
        {"level": "error", "message": {"text": cleaned(f"{one.target}: {one.error}")}}
        for one in targets
        if one.error
    ]
    return {"executionSuccessful": not notes, "toolExecutionNotifications": notes}


def _result(one: Judged, finding: Finding) -> dict[str, Any]:
    return {
        "ruleId": finding.rule_id,
        "level": _LEVELS[finding.severity],
        "message": {"text": cleaned(advice(finding))},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": cleaned(one.uri)}}}],
        "partialFingerprints": {"tuneguard/v1": f"{cleaned(one.target)}:{finding.rule}"},
        "properties": {
            "confidence": finding.confidence,
            "evidence": [_evidence(evidence) for evidence in finding.evidence],
        },
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        "metric": cleaned(evidence.metric),
        "statistic": cleaned(evidence.statistic),
        "value": f"{evidence.value:g}",
        "threshold": f"{evidence.threshold:g}",
        "steps": [f"{step:g}" for step in evidence.steps],
    }
