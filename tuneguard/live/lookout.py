"""The memory of somebody who looks at a run again and again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from tuneguard.findings import Finding, Severity
from tuneguard.history import RunHistory
from tuneguard.live.patience import Progress, wait_of

if TYPE_CHECKING:
    from tuneguard.diagnosis import Diagnosis

Happening = Literal["found", "worse", "gone", "back"]

PATIENCE = 0.25
_NAN_STAYS = 0.1
_STOPPING = 1.0
_IRREVOCABLE = frozenset({"non-finite-values"})
HOPELESS = frozenset(
    {
        "divergence",
        "learning-rate-too-high",
        "no-learning",
        "non-finite-values",
        "vanishing-gradients",
    }
)


def dooms(finding: Finding) -> bool:
    """Whether what was found is critical, and of a kind that training on does not mend."""
    return finding.rule in HOPELESS and finding.severity >= Severity.CRITICAL


@dataclass(frozen=True, slots=True)
class Sighting:
    """A finding that lasted; it stays listed when it is gone.

    Attributes:
        finding: As it was last seen.
        seen_at: Step that the run had reached when it was first seen.
        gone_at: Step at which it was no longer found, or `None`.
    """

    finding: Finding
    seen_at: float
    gone_at: float | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a look brought.

    Attributes:
        what: Whether a finding is new, has become worse, is gone, or is back.
        sighting: The finding.
        step: How far the run had come.
    """

    what: Happening
    sighting: Sighting
    step: float


@dataclass(frozen=True, slots=True)
class _Change:
    """What was seen to differ from what is listed, and since when.

    Attributes:
        severity: The severity that was seen, `None` where the finding was not there.
        since: The step that the run had reached.
    """

    severity: Severity | None
    since: float


class Lookout:
    """Tells from look to look what is new, worse or gone, and lets no alarm flap.

    What a look shows counts when it still holds after the run became longer by a share of its
    steps, at every look in between: a finding is listed then, and a listed one is gone then. At
    once counts what no further step undoes, as a NaN, and what holds when the run has ended.

    Args:
        patience: By what share of its steps a run must usually have become longer; `wait_of`
            says what takes longer.

    Attributes:
        sightings: Everything that was ever listed, by the name of its rule.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self.sightings: dict[str, Sighting] = {}
        self._patience = patience
        self._changes: dict[str, _Change] = {}
        self._step = 0.0

    def look(self, history: RunHistory, diagnosis: Diagnosis) -> tuple[Event, ...]:
        """Take in a look, and return what it brought.

        Args:
            history: The run as it is now.
            diagnosis: What the rules say of it.
        """
        now, is_over = Progress.of(history), not history.is_running
        if now.step < self._step:
            self._changes.clear()  # the run went back to an earlier step
        self._step = now.step
        present = {finding.rule: finding for finding in diagnosis.all_findings()}
        return (*self._seen(present, now, is_over), *self._missed(present, now, is_over))

    @property
    def present(self) -> tuple[Sighting, ...]:
        """What is listed and not gone."""
        return tuple(one for one in self.sightings.values() if one.gone_at is None)

    @property
    def is_hopeless(self) -> bool:
        """Whether a critical fault holds that training on does not mend.

        A NaN counts when it stays until the run is a tenth longer; divergence and a run that does
        not learn when they have lasted until it was twice as long.
        """
        return any(self._is_hopeless(one) for one in self.present)

    def _is_hopeless(self, one: Sighting) -> bool:
        rule = one.finding.rule
        if not dooms(one.finding):
            return False
        wait = _NAN_STAYS if rule in _IRREVOCABLE else _STOPPING
        return rule not in self._changes and self._step >= (1.0 + wait) * one.seen_at

    def _seen(self, present: dict[str, Finding], now: Progress, is_over: bool) -> Iterator[Event]:
        for rule, finding in present.items():
            before = self.sightings.get(rule)
            what = _happening(before, finding)
            if what is None:
                self._changes.pop(rule, None)
                if before is not None:
                    self.sightings[rule] = replace(before, finding=finding)
                continue
            since = self._since(rule, finding.severity, now.step)
            if is_over or rule in _IRREVOCABLE or self._lasted(rule, since, now):
                self._changes.pop(rule, None)
                first = before.seen_at if before is not None else since
                self.sightings[rule] = Sighting(finding, first)
                yield Event(what, self.sightings[rule], now.step)

    def _missed(
        self, present: dict[str, Finding], now: Progress, is_over: bool
    ) -> Iterator[Event]:
        for rule in set(self._changes) - set(present) - set(self.sightings):
            del self._changes[rule]
        for rule, sighting in list(self.sightings.items()):
            if rule in present:
                continue
            if sighting.gone_at is not None:
                self._changes.pop(rule, None)
                continue
            since = self._since(rule, None, now.step)
            if is_over or self._lasted(rule, since, now):
                del self._changes[rule]
                self.sightings[rule] = replace(sighting, gone_at=now.step)
                yield Event("gone", self.sightings[rule], now.step)

    def _since(self, rule: str, severity: Severity | None, step: float) -> float:
        """Return since when a rule has shown what it shows now."""
        before = self._changes.get(rule)
        if before is None or before.severity != severity:
            before = self._changes[rule] = _Change(severity, step)
        return before.since

    def _lasted(self, rule: str, since: float, now: Progress) -> bool:
        return wait_of(rule).is_over(since, now, self._patience)


def _happening(before: Sighting | None, finding: Finding) -> Happening | None:
    if before is None:
        return "found"
    if before.gone_at is not None:
        return "back"
    return "worse" if finding.severity > before.finding.severity else None
