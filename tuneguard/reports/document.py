"""A diagnosis as a JSON document, for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

from tuneguard.diagnosis import BrokenRule, Diagnosis
from tuneguard.findings import (
    Abstained,
    Change,
    Evidence,
    Finding,
    LayerMap,
    Passed,
    Picture,
    Prescription,
)
from tuneguard.version import __version__

SCHEMA_VERSION: Final = "1"


@cache
def load_schema() -> dict[str, Any]:
    """Return the JSON Schema that every document meets."""
    text = files(__package__).joinpath("diagnosis.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def to_json(diagnosis: Diagnosis) -> str:
    """Return the document as strict JSON in plain ASCII: nothing in it can move a terminal."""
    return json.dumps(to_document(diagnosis), indent=2, allow_nan=False)


def to_document(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return everything that a diagnosis holds as lists, mappings, texts and numbers.

    Texts are as the run spells them; numbers that are not finite are `"NaN"`, `"Infinity"` and
    `"-Infinity"`.
    """
    identity = diagnosis.identity
    return {
        "schema_version": SCHEMA_VERSION,
        "tuneguard_version": __version__,
        "verdict": diagnosis.verdict,
        "is_running": diagnosis.is_running,
        "run": {
            "run_id": identity.run_id,
            "name": identity.name,
            "experiment_id": identity.experiment_id,
            "tracking_uri": identity.tracking_uri,
            "state": identity.state,
        },
        "findings": [_finding(finding) for finding in diagnosis.findings],
        "passed": [_passed(passed) for passed in diagnosis.passed],
        "abstained": [_abstained(abstained) for abstained in diagnosis.abstained],
        "broken": [_broken(broken) for broken in diagnosis.broken],
        "notes": list(diagnosis.notes),
        "rules": list(diagnosis.rules),
        "overview": _picture(diagnosis.overview) if diagnosis.overview else None,
        "layers": [_layer_map(one) for one in diagnosis.layers],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "rule_id": finding.rule_id,
        "severity": str(finding.severity),
        "summary": finding.summary,
        "why": finding.why,
        "confidence": finding.confidence,
        "first_step": _plain(finding.first_step),
        "last_step": _plain(finding.last_step),
        "evidence": [_evidence(evidence) for evidence in finding.evidence],
        "prescriptions": [_prescription(one) for one in finding.prescriptions],
        "symptoms": [_finding(symptom) for symptom in finding.symptoms],
        "picture": _picture(finding.picture) if finding.picture else None,
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        "metric": evidence.metric,
        "statistic": evidence.statistic,
        "value": _plain(evidence.value),
        "threshold": _plain(evidence.threshold),
        "steps": [_plain(step) for step in evidence.steps],
    }


def _prescription(prescription: Prescription) -> dict[str, Any]:
    record = {"track_record": prescription.track_record} if prescription.track_record else {}
    return {
        "parameter": prescription.parameter,
        "current": prescription.current,
        "suggested": prescription.suggested,
        "action": prescription.action,
        "rationale": prescription.rationale,
        "tradeoff": prescription.tradeoff,
        "verify": prescription.verify,
        "snippet": prescription.snippet,
        "changes": [_change(change) for change in prescription.changes],
        **record,
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "parameter": change.parameter,
        "operation": change.operation,
        "value": change.value,
    }


def _picture(picture: Picture) -> dict[str, Any]:
    view = picture.view
    return {
        "axis": picture.axis,
        "span": [_plain(step) for step in view.span] if view.span else None,
        "threshold": None if view.threshold is None else _plain(view.threshold),
        "marks": _marks(view.marks),
        "log_scale": view.log_scale,
        "lines": [
            {
                "metric": line.metric,
                "steps": [_plain(step) for step in line.steps],
                "values": [_plain(value) for value in line.values],
            }
            for line in picture.lines
        ],
    }


def _marks(marks: Sequence[tuple[float, str]]) -> list[dict[str, Any]]:
    return [{"step": _plain(step), "word": word} for step, word in marks]


def _layer_map(layer_map: LayerMap) -> dict[str, Any]:
    return {
        "quantity": layer_map.quantity,
        "axis": layer_map.axis,
        "edges": [_plain(edge) for edge in layer_map.edges],
        "marks": _marks(layer_map.marks),
        "layer_count": layer_map.layer_count,
        "layers": [
            {"layer": layer, "values": [None if one is None else _plain(one) for one in values]}
            for layer, values in zip(layer_map.layers, layer_map.values, strict=True)
        ],
        "extremes": [
            {
                "word": one.word,
                "layer": one.layer,
                "steps": [_plain(step) for step in one.steps],
                "value": _plain(one.value),
            }
            for one in layer_map.extremes
        ],
    }


def _passed(passed: Passed) -> dict[str, Any]:
    return {
        "rule": passed.rule,
        "rule_id": passed.rule_id,
        "evidence": [_evidence(evidence) for evidence in passed.evidence],
    }


def _abstained(abstained: Abstained) -> dict[str, Any]:
    return {
        "rule": abstained.rule,
        "rule_id": abstained.rule_id,
        "reason": abstained.reason,
        "needs": abstained.needs,
    }


def _broken(broken: BrokenRule) -> dict[str, Any]:
    return {"rule": broken.rule, "rule_id": broken.rule_id, "error": broken.error}


def _plain(value: float) -> int | float | str:
    value = float(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return int(value) if value.is_integer() and abs(value) < 2**53 else value
