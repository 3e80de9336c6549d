"""What a diagnosis depends on, as one short text: equal texts, equal diagnoses."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from mlflow.entities import Run

from tuneguard.storage.metric_histories import latest_points
from tuneguard.storage.record import Record


def run_state(run: Run, record: Record, roles: Mapping[str, str] | None = None) -> str:
    """Return a hash of everything in a run that a diagnosis depends on.

    Tags are left out: a review writes them, and people edit them.

    Args:
        run: The run.
        record: Its full record, or an empty one.
        roles: The roles that the user chose.
    """
    return _digest(
        {
            "status": run.info.status,
            "end_time": run.info.end_time,
            "latest": latest_points(run),
            "params": run.data.params,
            "record": [record.size, record.digest],
            "roles": roles or {},
        }
    )


def review_fingerprint(state: str, rules: Sequence[str], version: str) -> str:
    """Return a hash of a run's state and of what judged it."""
    return _digest([state, list(rules), version])


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]
