"""Rules of other packages, found by their entry points."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import ClassVar

import pytest

from tuneguard import catalogue
from tuneguard.catalogue import installed_rules
from tuneguard.findings import Outcome, Severity
from tuneguard.history import RunHistory
from tuneguard.rule import Rule
from tuneguard.rules import BUILTIN_RULES

Offer = Callable[..., None]


@dataclass(frozen=True)
class Foreign(Rule):
    """A rule of another package."""

    id: ClassVar[str] = "AB101"
    name: ClassVar[str] = "foreign"
    default_severity: ClassVar[Severity] = Severity.INFO

    def check(self, history: RunHistory) -> Outcome:
        return self.abstained("an example")


@dataclass(frozen=True)
class Usurper(Foreign):
    """It takes a name that is taken."""

    id: ClassVar[str] = "AB102"
    name: ClassVar[str] = "overfitting"


class Unfinished(Rule):
    """It is no dataclass, and has no id."""

    def check(self, history: RunHistory) -> Outcome:
        return self.abstained("an example")


NO_RULE = "a text"


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Offer]:
    """Have entry points as if a package were installed that has them."""

    def offered(*names: str) -> None:
        entries = [EntryPoint(name, f"{__name__}:{name}", "tuneguard.rules") for name in names]
        things = {name: globals().get(name) for name in names}
        monkeypatch.setattr(EntryPoint, "load", lambda entry: _loaded(things[entry.name]))
        monkeypatch.setattr(catalogue, "entry_points", lambda group: entries)

    installed_rules.cache_clear()
    yield offered
    installed_rules.cache_clear()


def _loaded(thing: object) -> object:
    if thing is None:
        raise ImportError("no module of this name")
    return thing


def test_a_rule_of_another_package_comes_after_our_own(offer: Offer) -> None:
    offer("Foreign")
    assert installed_rules() == (*BUILTIN_RULES, Foreign)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Usurper", "'overfitting', is that of Overfitting"),
        ("Unfinished", "Unfinished lacks id, name, default_severity"),
        ("NO_RULE", "not a subclass of tuneguard.Rule"),
        ("Missing", "no module of this name"),
    ],
)
def test_what_is_no_usable_rule_is_left_out_and_named(
    name: str, reason: str, offer: Offer, caplog: pytest.LogCaptureFixture
) -> None:
    offer(name, "Foreign")
    with caplog.at_level(logging.WARNING):
        assert installed_rules() == (*BUILTIN_RULES, Foreign)
    assert reason in caplog.text
    assert name in caplog.text


def test_two_packages_cannot_offer_one_rule(
    offer: Offer, caplog: pytest.LogCaptureFixture
) -> None:
    offer("Foreign", "Foreign")
    assert installed_rules() == (*BUILTIN_RULES, Foreign)
    assert "'AB101', is that of Foreign" in caplog.text
