"""What a project wants of every diagnosis: which rules, their thresholds, names of its metrics."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from tuneguard.exceptions import ConfigurationError
from tuneguard.history import Role
from tuneguard.rule import Rule

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE = "tuneguard.toml"
PROJECT_FILE = "pyproject.toml"
_SETTINGS = ("select", "ignore", "map", "thresholds")


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings of one file, or none.

    Attributes:
        source: Where they were read, or `None`.
        select: Rules to ask: names, ids or id prefixes; all where empty.
        ignore: Rules to leave out.
        roles: Role name to metric key.
        thresholds: For each rule, by its name or id, the fields to set and their values.
    """

    source: Path | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)
    thresholds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def applied_to(self, rules: Iterable[type[Rule]]) -> tuple[Rule, ...]:
        """Return the rules with the thresholds that are set here.

        Raises:
            ConfigurationError: A rule has no such threshold, or it is of another type.
        """
        return tuple(self._with_thresholds(rule()) for rule in rules)

    def check(self, catalogue: Iterable[type[Rule]]) -> None:
        """Make sure that all thresholds belong to rules that there are.

        Raises:
            ConfigurationError: One does not.
        """
        known = {name for rule in catalogue for name in (rule.name, rule.id)}
        for name in self.thresholds:
            if name not in known:
                hint = _nearest(name, known)
                raise ConfigurationError(f"{self.source}: no rule is called {name!r}.{hint}")

    def _with_thresholds(self, rule: Rule) -> Rule:
        wanted = {**self.thresholds.get(rule.id, {}), **self.thresholds.get(rule.name, {})}
        known = {one.name: getattr(rule, one.name) for one in fields(rule)}
        for name, value in wanted.items():
            place = f"{self.source}: thresholds.{rule.name}"
            if name not in known:
                hint = _nearest(name, known)
                raise ConfigurationError(f"{place} has no {name!r}.{hint}")
            if not _is_like(value, known[name]):
                kind = type(known[name]).__name__
                raise ConfigurationError(f"{place}.{name} is {value!r}: give a {kind}.")
        return replace(rule, **wanted) if wanted else rule


def read_configuration(path: Path) -> Configuration:
    """Read a `tuneguard.toml`, or the table `tool.tuneguard` of a `pyproject.toml`.

    Raises:
        ConfigurationError: It cannot be read, or holds something unknown.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}.") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path} is not valid TOML: {error}.") from error
    if path.name == PROJECT_FILE:
        table = table.get("tool", {}).get("tuneguard", {})
    for name in table:
        if name not in _SETTINGS:
            hint = _nearest(name, _SETTINGS)
            raise ConfigurationError(f"{path}: unknown setting {name!r}.{hint}")
    return Configuration(
        source=path,
        select=_names(path, table, "select"),
        ignore=_names(path, table, "ignore"),
        roles=_roles(path, table.get("map", {})),
        thresholds=_thresholds(path, table.get("thresholds", {})),
    )


def find_configuration(folder: Path) -> Configuration:
    """Read the nearest configuration in `folder` or above it; an empty one where there is none.

    A `tuneguard.toml` comes before a `pyproject.toml` of the same folder, and a `pyproject.toml`
    without a table `tool.tuneguard` does not count.

    Raises:
        ConfigurationError: It cannot be read, or holds something unknown.
    """
    for place in (folder, *folder.parents):
        if (place / FILE).is_file():
            return read_configuration(place / FILE)
        if (place / PROJECT_FILE).is_file() and _is_ours(place / PROJECT_FILE):
            return read_configuration(place / PROJECT_FILE)
    return Configuration()


def _is_ours(path: Path) -> bool:
    try:
        return "tuneguard" in tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return False  # somebody else's file, whose faults others will tell


def _names(path: Path, table: Mapping[str, Any], setting: str) -> tuple[str, ...]:
    value = table.get(setting, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ConfigurationError(f"{path}: {setting} must be a list of names.")
    return tuple(value)


def _roles(path: Path, table: object) -> dict[str, str]:
    if not isinstance(table, dict) or not all(isinstance(one, str) for one in table.values()):
        raise ConfigurationError(f"{path}: map must be a table of roles and metric keys.")
    known = [role.value for role in Role]
    for name in table:
        if name not in known:
            raise ConfigurationError(f"{path}: no role is called {name!r}.{_nearest(name, known)}")
    return dict(table)


def _thresholds(path: Path, table: object) -> dict[str, dict[str, Any]]:
    if not isinstance(table, dict) or not all(isinstance(one, dict) for one in table.values()):
        raise ConfigurationError(
            f"{path}: thresholds must hold a table for each rule, as [thresholds.overfitting]."
        )
    return dict(table)


def _is_like(value: object, usual: object) -> bool:
    """Whether `value` may stand where `usual` stands: a whole number is a number, a flag is not.

    >>> _is_like(1, 0.5), _is_like(0.5, 1), _is_like(True, 1), _is_like("1", 0.5)
    (True, False, False, False)
    """
    if isinstance(value, bool) or isinstance(usual, bool):
        return isinstance(value, bool) and isinstance(usual, bool)
    if isinstance(usual, float):
        return isinstance(value, int | float)
    return isinstance(value, type(usual))


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""
