"""What a prescription does, without its value: by this name, trials of it are counted together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tuneguard.findings import Change, Prescription

_OFF_AT_ZERO: Final = {"dropout", "label_smoothing", "weight_decay"}


def remedy_of(prescription: Prescription) -> str:
    """Return what a prescription changes, and in which direction; empty where a person has to.

    >>> from tuneguard.findings import Change, Prescription
    >>> words = ("Lower it.", "So.", "Time.", "The loss.", "")
    >>> cut = Prescription("lr", None, "less", *words, (Change("learning_rate", 0.1, "multiply"),))
    >>> remedy_of(cut)
    'lower learning_rate'
    """
    start = {prescription.parameter: prescription.current}
    return " and ".join(_name(one, start) for one in prescription.changes)


def follows(
    prescription: Prescription, before: Mapping[str, str], after: Mapping[str, str]
) -> bool:
    """Whether settings changed as prescribed: each in its direction, whatever the distance.

    A part that was met before may stay as it is; some other part must have changed.

    Args:
        prescription: What was to be changed.
        before: Settings of the run that it was prescribed for, by their usual names.
        after: Settings of a later run.
    """
    moved = [
        _is_as_prescribed(one, before.get(one.parameter), after.get(one.parameter))
        for one in prescription.changes
    ]
    return None not in moved and any(moved)


def _name(change: Change, start: Mapping[str, str | None]) -> str:
    direction = _direction(change, start.get(change.parameter))
    if direction:
        return f"{'raise' if direction > 0 else 'lower'} {change.parameter}"
    if _number(change.value) is not None:
        return f"set {change.parameter}"
    return f"set {change.parameter} to {str(change.value).lower()}"


def _direction(change: Change, present: str | None) -> int:
    """Return 1 for up and -1 for down; 0 where that is not known."""
    value = _number(change.value)
    if value is None:
        return 0
    if change.operation == "multiply":
        return _sign(value - 1.0)
    if change.operation == "add":
        return _sign(value)
    known = _number(present)
    if known is None and change.parameter in _OFF_AT_ZERO:
        known = 0.0
    return 0 if known is None else _sign(value - known)


def _is_as_prescribed(change: Change, old: str | None, new: str | None) -> bool | None:
    """Return whether a setting moved as prescribed; `None` where it moved otherwise."""
    if _number(change.value) is None:
        wanted = _folded(str(change.value))
        return None if _folded(new) != wanted else _folded(old) != wanted
    first, second = _number(old), _number(new)
    if first is None and change.parameter in _OFF_AT_ZERO:
        first = 0.0
    if second is None or (first is None and change.operation != "set"):
        return None
    direction = _direction(change, old)
    if first is None or _sign(second - first) == direction:
        return direction != 0 or first is None
    return None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(str(value))
    except ValueError:
        return None


def _folded(text: str | None) -> str:
    """Return one spelling for `LeakyReLU` and `leaky_relu`."""
    return (text or "").lower().replace("_", "").replace("-", "")


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)
