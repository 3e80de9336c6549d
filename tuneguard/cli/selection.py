"""Rules by the names, ids and id prefixes that people type."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

from tuneguard.exceptions import UnknownRuleError

if TYPE_CHECKING:
    from tuneguard.rule import Rule

_ID_PREFIX = re.compile(r"[A-Z]{2,}\d*")


def split_names(values: Iterable[str]) -> tuple[str, ...]:
    """Flatten repeated options whose values may hold several names.

    >>> split_names(["TG1, divergence", "TG401"])
    ('TG1', 'divergence', 'TG401')
    """
    return tuple(name.strip() for value in values for name in value.split(",") if name.strip())


def role_and_key(text: str) -> tuple[str, str]:
    """Return the two sides of a `ROLE=KEY` that somebody typed.

    Raises:
        click.BadParameter: It is something else.
    """
    role, separator, key = text.partition("=")
    if not (role and separator and key):
        raise click.BadParameter(f"{text!r} is not ROLE=KEY", param_hint="--map")
    return role.strip().replace("-", "_"), key.strip()


def match_rules(name: str, catalogue: Sequence[type[Rule]]) -> tuple[type[Rule], ...]:
    """Return the rules that `name` means: one by its name or id, or all under an id prefix.

    Raises:
        UnknownRuleError: It means none.
    """
    plain = name.strip().lower().replace("_", "-")
    prefix = plain.upper()
    is_prefix = _ID_PREFIX.fullmatch(prefix) is not None
    found = tuple(
        rule
        for rule in catalogue
        if rule.name == plain or (is_prefix and rule.id.startswith(prefix))
    )
    if found:
        return found
    known = {rule.name: rule.name for rule in catalogue} | {r.id.lower(): r.id for r in catalogue}
    near = difflib.get_close_matches(plain, known, n=1)
    hint = f"Did you mean {known[near[0]]!r}?" if near else "`tuneguard rules` lists them."
    raise UnknownRuleError(f"No rule is called {name!r}. {hint}")


def select_rules(
    select: Iterable[str], ignore: Iterable[str], catalogue: Sequence[type[Rule]]
) -> tuple[type[Rule], ...]:
    """Return the rules of `catalogue` that are selected (all, if none is) and not ignored.

    Raises:
        UnknownRuleError: A name means no rule.
        click.UsageError: Nothing is left.
    """
    chosen = {rule for name in select for rule in match_rules(name, catalogue)} or set(catalogue)
    dropped = {rule for name in ignore for rule in match_rules(name, catalogue)}
    left = tuple(rule for rule in catalogue if rule in chosen - dropped)
    if not left:
        raise click.UsageError("--select and --ignore leave no rule to ask.")
    return left
