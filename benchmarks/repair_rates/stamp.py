"""What the committed figures were measured with, so that stale ones are noticed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.cost.results import conditions
from benchmarks.error_rates.judges import rules_digest
from benchmarks.error_rates.source_digests import ROOT, code_digest
from benchmarks.repair_rates.kinds import beyond, repairable
from benchmarks.repair_rates.rows import Row
from benchmarks.repair_rates.rows import load as load_rows
from benchmarks.repair_rates.rows import save as save_rows
from benchmarks.repair_rates.trials import TRAINED_BY

HERE = Path(__file__).parent
RESULTS = HERE / "results"
_STAMP = RESULTS / "stamp.json"
_ROWS = RESULTS / "reporting.csv"
_PACKAGE = ROOT / "tuneguard"
_PRESCRIBING = (_PACKAGE / "prescriptions", _PACKAGE / "treatment" / "agenda.py")
_REPAIRING = (*TRAINED_BY, "strategies.py")


def measured_with() -> dict[str, Any]:
    """Return hashes of all that the figures follow from."""
    return {
        "rules": rules_digest(),
        "prescriptions": code_digest(_PRESCRIBING),
        "repairs": code_digest([HERE / name for name in _REPAIRING]),
        "kinds": sorted([*repairable(), *beyond()]),
    }


def changed_since(stamp: Mapping[str, Any]) -> list[str]:
    """Return what of `measured_with` is no longer as it was."""
    return [name for name, now in measured_with().items() if stamp.get(name) != now]


def save(rows: Sequence[Row], **facts: object) -> None:
    """Keep rows, and with what, where and when they were measured."""
    save_rows(rows, _ROWS)
    stamp = {**conditions(), **measured_with(), **facts}
    _STAMP.write_text(json.dumps(stamp, indent=1) + "\n", encoding="utf-8")


def load() -> dict[str, Any] | None:
    """Return the stamp, or `None` where nothing was measured yet."""
    if not _STAMP.exists():
        return None
    found: dict[str, Any] = json.loads(_STAMP.read_text(encoding="utf-8"))
    return found


def kept_rows() -> list[Row]:
    """Return the rows that are committed."""
    return load_rows(_ROWS)
