"""What may be said of each kind of fault, and which programs are for fitting: `labels.toml`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import tomllib

PATH = Path(__file__).with_name("labels.toml")
Half = Literal["calibrating", "reporting"]
Part = Literal["calibrating", "reporting", "rehearsal"]
HALVES: tuple[Half, ...] = ("calibrating", "reporting")
REHEARSAL: Literal["rehearsal"] = "rehearsal"


@dataclass(frozen=True, slots=True)
class Label:
    """What a diagnosis of one kind of fault may say.

    Attributes:
        names: Rules whose alarm names the fault.
        follows: Rules whose alarm is true of such a run too, but does not name the fault.
        mechanism: Whether the fault is measured directly, and so is manifest whatever the score.
        in_epochs: Whether rows of one an epoch can show it.
    """

    names: frozenset[str]
    follows: frozenset[str]
    mechanism: bool
    in_epochs: bool


@cache
def labels() -> dict[str, Label]:
    """Return the label of each kind of fault."""
    return {
        kind: Label(
            frozenset(one["names"]),
            frozenset(one["follows"]),
            one.get("mechanism", False),
            one["in_epochs"],
        )
        for kind, one in _document()["faults"].items()
    }


@cache
def half_of(program: str) -> Half:
    """Return the half that a base program belongs to.

    Raises:
        KeyError: The file names no such program.
    """
    for half in HALVES:
        if program in _document()["halves"][half]:
            return half
    raise KeyError(program)


@cache
def _document() -> dict[str, Any]:
    return tomllib.loads(PATH.read_text(encoding="utf-8"))
