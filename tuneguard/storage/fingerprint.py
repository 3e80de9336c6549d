"""What a diagnosis depends on, as one short text: equal texts, equal diagnoses."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from mlflow.entities import Run

from tuneguard.storage.metric_histories import latest_points
from tuneguard.storage.record_listing import RecordListing

_TAGS_ONLY = "-tags"


def run_state(
    run: Run, record: RecordListing | None, roles: Mapping[str, str] | None = None
) -> str:
    """Return a hash of everything in a run that a diagnosis depends on.

    Tags are left out: a review writes them, and people edit them.

    Args:
        run: The run.
        record: What its full record holds; `None` where that could not be read.
        roles: The roles that the user chose.
    """
    return _digest(
        {
            "status": run.info.status,
            "end_time": run.info.end_time,
            "latest": latest_points(run),
            "params": run.data.params,
            "record": [record.size, record.digest] if record else None,
            "roles": roles or {},
        }
    )


def review_fingerprint(state: str, rules: Sequence[str], version: str) -> str:
    """Return a hash of a run's state and of what judged it."""
    return _digest([state, list(rules), version])


def tags_fingerprint(fingerprint: str) -> str:
    """Return the fingerprint of a review of which only the tags are written.

    >>> tags_fingerprint("5f3a")
    '5f3a-tags'
    """
    return f"{fingerprint}{_TAGS_ONLY}"


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]
