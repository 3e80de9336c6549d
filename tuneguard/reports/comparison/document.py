"""A comparison as a JSON document, for programs."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any, Final

from tuneguard.comparison import Comparison
from tuneguard.version import __version__

SCHEMA_VERSION: Final = "1"


def to_json(comparison: Comparison) -> str:
    """Return the document as strict JSON in plain ASCII: nothing in it can move a terminal."""
    return json.dumps(to_document(comparison), indent=2, allow_nan=False)


def to_document(comparison: Comparison) -> dict[str, Any]:
    """Return everything that a comparison holds as lists, mappings, texts and numbers.

    The fields are those of `Comparison`. Texts are as the runs spell them; numbers that are not
    finite are `"NaN"`, `"Infinity"` and `"-Infinity"`.
    """
    document = asdict(comparison)
    for one in document["findings"]:
        one["severity"] = str(one["severity"])
    plain: dict[str, Any] = _plain(
        {"schema_version": SCHEMA_VERSION, "tuneguard_version": __version__, **document}
    )
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return value
