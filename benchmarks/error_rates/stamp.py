"""What the committed figures were measured with, so that stale ones are noticed."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomllib

from benchmarks.cost.results import conditions
from benchmarks.error_rates.judges import COMPARED, digest_of_judge, rules_digest
from benchmarks.error_rates.labels import REHEARSAL
from benchmarks.error_rates.plan import full_plan
from benchmarks.error_rates.source_digests import ROOT, code_digest, digest_of
from tuneguard.rules import BUILTIN_RULES

HERE = Path(__file__).parent
RESULTS = HERE / "results"
PATH = RESULTS / "stamp.json"
_LOOKS = HERE / "looks.jsonl"
_NOT_MEASURING = {
    *("__main__.py", "cache.py", "explanation.py", "figures.py", "judges.py", "judging.py"),
    *("page.py", "recipes.py", "reporting.py", "rows.py", "runner.py", "shares.py"),
    *("source_digests.py", "stamp.py", "tables.py"),
}

Stamp = dict[str, Any]


def measured_with() -> Stamp:
    """Return hashes of all that the figures follow from, and the setting of each rule."""
    return {
        "rules": rules_digest(),
        "comparators": digest_of_judge(COMPARED),
        "trainings": _trainings_digest(),
        "settings": [rule().setting for rule in BUILTIN_RULES],
    }


def changed_since(stamp: Mapping[str, Any]) -> list[str]:
    """Return what of `measured_with` is no longer as it was."""
    return [name for name, now in measured_with().items() if stamp.get(name) != now]


def save(**facts: object) -> None:
    """Write with what, where and when the figures were measured.

    Args:
        facts: What else is to be known of them.
    """
    stamp = {**conditions(), **measured_with(), **facts}
    PATH.write_text(json.dumps(stamp, indent=1) + "\n", encoding="utf-8")


def load() -> Stamp | None:
    """Return what `save` wrote, or `None` where nothing was measured yet."""
    if not PATH.exists():
        return None
    found: Stamp = json.loads(PATH.read_text(encoding="utf-8"))
    return found


def log_look(figures: Mapping[str, str], *, runs: str) -> None:
    """Note that somebody saw figures of the reporting half.

    Args:
        figures: The headline figures that were seen.
        runs: Of how many runs they were.
    """
    look = {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "commit": _commit(),
        "rules": rules_digest(),
        "runs": runs,
        **figures,
    }
    with _LOOKS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(look) + "\n")


def looks() -> list[dict[str, str]]:
    """Return all looks at the reporting half, the first in front."""
    if not _LOOKS.exists():
        return []
    return [json.loads(line) for line in _LOOKS.read_text(encoding="utf-8").splitlines()]


def _trainings_digest() -> str:
    files = [path for path in HERE.rglob("*.py") if path.name not in _NOT_MEASURING]
    own = [path for path in files if not {"comparators", REHEARSAL} & set(path.parts)]
    tables = [
        tomllib.loads((HERE / name).read_text(encoding="utf-8"))
        for name in ("labels.toml", "doses.toml", "variants.toml")
    ]
    counted = [{name: one for name, one in table.items() if name != REHEARSAL} for table in tables]
    return digest_of(f"{code_digest(own)} {counted!r} {full_plan()!r}")


def _commit() -> str:
    """Return the commit that is checked out, with a mark where files differ from it."""
    asked = ["git", "describe", "--always", "--dirty", "--abbrev=10", "--exclude", "*"]
    try:
        done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
