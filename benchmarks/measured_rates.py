"""The error rates on the pages of the rules, by the command that measured them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PATH = Path(__file__).resolve().parent.parent / "docs" / "reference" / "rules" / "measured.json"

Counts = Mapping[str, Sequence[Mapping[str, object]]]


def keep(command: str, measured_on: str, rules: Counts, path: Path = PATH) -> None:
    """Keep what a command measured, in place of what it measured before.

    Args:
        command: The `make` target.
        measured_on: One sentence that says on what.
        rules: By rule, how many of what it flagged: `on`, `flagged`, `of`.
        path: The file that the pages of the rules are written from.
    """
    found: list[dict[str, Any]] = json.loads(path.read_text("utf-8")) if path.exists() else []
    others = [one for one in found if one["command"] != command]
    mine = {"command": command, "measured_on": measured_on, "rules": rules}
    kept = sorted([*others, mine], key=lambda one: str(one["command"]))
    path.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
