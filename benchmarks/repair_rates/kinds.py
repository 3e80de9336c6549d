"""Which kinds of fault can be repaired at all."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import tomllib

PATH = Path(__file__).parent / "kinds.toml"


def repairable() -> frozenset[str]:
    """Return the kinds that a change of settings can repair."""
    return frozenset(_table()["repairable"])


def beyond() -> Mapping[str, str]:
    """Return the other kinds, and why none can."""
    found: Mapping[str, str] = _table()["beyond"]
    return found


@cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads(PATH.read_text(encoding="utf-8"))
