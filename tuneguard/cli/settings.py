"""What the options and the project's configuration come to: rules with thresholds, and roles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tuneguard.cli.selection import match_rules, role_and_key, select_rules, split_names
from tuneguard.exceptions import ConfigurationError, UnknownRuleError

if TYPE_CHECKING:
    from tuneguard.configuration import Configuration
    from tuneguard.rule import Rule


@dataclass(frozen=True, slots=True)
class Settings:
    """How to judge.

    Attributes:
        rules: The rules to ask, with their thresholds.
        roles: Role name to metric key.
        is_selection: Whether only some rules are asked, which cannot show that a run is healthy.
    """

    rules: tuple[Rule, ...]
    roles: Mapping[str, str]
    is_selection: bool


def settle(
    select: Iterable[str], ignore: Iterable[str], role_keys: Iterable[str], config: Path | None
) -> Settings:
    """Put what was typed over what the configuration says.

    Args:
        select: As typed; in place of the configuration's selection.
        ignore: As typed; beside what the configuration ignores.
        role_keys: As typed, `ROLE=KEY`; each in place of the configuration's for its role.
        config: The file to read; the nearest one, where not given.

    Raises:
        ConfigurationError: The configuration cannot be read, or holds something unknown.
        UnknownRuleError: A name means no rule.
        click.UsageError: No rule is left, or a role and a key are not typed as such.
    """
    from tuneguard.catalogue import installed_rules
    from tuneguard.configuration import find_configuration, read_configuration

    catalogue = installed_rules()
    known = find_configuration(Path.cwd()) if config is None else read_configuration(config)
    known.check(catalogue)
    _check_names(known, catalogue)
    selected = split_names(select) or known.select
    ignored = (*split_names(ignore), *known.ignore)
    return Settings(
        known.applied_to(select_rules(selected, ignored, catalogue)),
        {**known.roles, **dict(map(role_and_key, role_keys))},
        is_selection=bool(selected or ignored),
    )


def _check_names(known: Configuration, catalogue: Sequence[type[Rule]]) -> None:
    """Make sure that the rules which a configuration selects or ignores are there."""
    try:
        for name in (*known.select, *known.ignore):
            match_rules(name, catalogue)
    except UnknownRuleError as error:
        raise ConfigurationError(f"{known.source}: {error}") from error
