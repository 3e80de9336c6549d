"""All rules that there are: tuneguard's own, and those of packages installed beside it."""

from __future__ import annotations

import dataclasses
import logging
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from tuneguard.rule import Rule
from tuneguard.rules import BUILTIN_RULES

GROUP = "tuneguard.rules"
_PARTS_OF_A_RULE = ("id", "name", "default_severity")

_LOGGER = logging.getLogger(__name__)


@cache
def installed_rules() -> tuple[type[Rule], ...]:
    """Return the built-in rules, and after them those that other packages offer.

    A package offers a rule by an entry point of the group `tuneguard.rules` that leads to the
    class. One that cannot be loaded, is no rule, or takes the id or the name of another is left
    out; a warning says which and why.
    """
    rules = list(BUILTIN_RULES)
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value)):
        rules += _loaded(entry, rules)
    return tuple(rules)


def _loaded(entry: EntryPoint, known: list[type[Rule]]) -> list[type[Rule]]:
    """Return the rule that an entry point leads to, or nothing where it leads to none."""
    try:
        return [_checked(entry.load(), known)]
    except Exception as error:  # noqa: BLE001 - another package's code may raise anything
        _LOGGER.warning("The rule %s is left out: %s", _described(entry), error)
        return []


def _checked(offered: object, known: list[type[Rule]]) -> type[Rule]:
    """Return what an entry point leads to.

    Raises:
        TypeError: It is no rule.
        ValueError: It takes the id or the name of another rule.
    """
    if not (isinstance(offered, type) and issubclass(offered, Rule)):
        raise TypeError(f"{offered!r} is not a subclass of tuneguard.Rule")
    missing = [part for part in _PARTS_OF_A_RULE if not hasattr(offered, part)]
    if missing or not dataclasses.is_dataclass(offered):
        lacks = ", ".join(missing) or "@dataclass(frozen=True)"
        raise TypeError(f"{offered.__qualname__} lacks {lacks}")
    offered()
    for rule in known:
        for part in ("id", "name"):
            if getattr(rule, part) == getattr(offered, part):
                taken = getattr(rule, part)
                raise ValueError(f"its {part}, {taken!r}, is that of {rule.__qualname__}")
    return offered


def _described(entry: EntryPoint) -> str:
    package = f" of {entry.dist.name}" if entry.dist is not None else ""
    return f"{entry.value}{package}"
