"""A treatment as a JSON document, and as a table that MLflow shows."""

from __future__ import annotations

import json
import math
from dataclasses import astuple, fields
from typing import Any, Final

from tuneguard.reports.treatment.rows import Row, headline, left_to_you, rows
from tuneguard.treatment import Attempt, Treatment, Trial
from tuneguard.version import __version__

SCHEMA_VERSION: Final = "1"


def to_json(treatment: Treatment) -> str:
    """Return the document as strict JSON in plain ASCII: nothing in it can move a terminal."""
    return json.dumps(to_document(treatment), indent=2, allow_nan=False)


def to_document(treatment: Treatment) -> dict[str, Any]:
    """Return what was tried and what came of it as lists, mappings, texts and numbers."""
    return {
        "schema_version": SCHEMA_VERSION,
        "tuneguard_version": __version__,
        "parent_id": treatment.parent_id,
        "headline": headline(treatment),
        "is_healthy": treatment.is_healthy,
        "ending": treatment.ending,
        "best": treatment.best,
        "params": _plain(treatment.params),
        "settings": list(treatment.settings),
        "left_to_you": left_to_you(treatment),
        "trainings": treatment.trainings,
        "seconds": treatment.seconds,
        "attempts": [_attempt(one) for one in treatment.attempts],
    }


def attempts_table(treatment: Treatment) -> str:
    """Return a row for each attempt, in the layout of `mlflow.log_table`."""
    columns = [one.name for one in fields(Row)]
    return json.dumps({"columns": columns, "data": [astuple(one) for one in rows(treatment)]})


def _attempt(attempt: Attempt) -> dict[str, Any]:
    comparison = attempt.comparison
    return {
        "number": attempt.number,
        "started_from": attempt.started_from,
        "standing": attempt.standing,
        "reason": attempt.reason,
        "rule": attempt.rule,
        "action": attempt.action,
        "changed": {
            str(name): {"before": _plain(old), "after": _plain(new)}
            for name, (old, new) in attempt.changed.items()
        },
        "params": _plain(attempt.params),
        "comparison": None if comparison is None else comparison.verdict,
        "trainings": [_trial(one) for one in attempt.trials],
    }


def _trial(trial: Trial) -> dict[str, Any]:
    diagnosis = trial.diagnosis
    return {
        "seed": _plain(trial.seed),
        "run_id": trial.run_id,
        "verdict": None if diagnosis is None else diagnosis.verdict,
        "findings": [] if diagnosis is None else [one.rule for one in diagnosis.findings],
        "error": trial.error,
        "seconds": trial.seconds,
    }


def _plain(value: Any) -> Any:
    """Return a parameter as JSON has it; what JSON has no word for, as text."""
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    return value if isinstance(value, float) and math.isfinite(value) else str(value)
