"""Which rules take exception to healthy runs, counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from benchmarks.synthetic_noise.healthy import Form, healthy_history
from tuneguard import RunHistory
from tuneguard.findings import Finding, Outcome, Passed, Severity
from tuneguard.rule import Rule
from tuneguard.rules import BUILTIN_RULES

PHIS = (0.0, 0.5, 0.9)


@dataclass(frozen=True, slots=True)
class Said:
    """What a rule said of a healthy run that it judged.

    Attributes:
        rule: Its name.
        seed: Of the run.
        phi: How much of the run's noise each point carried over to the next.
        form: In which form the run was read.
        points: How many points its training loss has.
        severity: Of the finding, or `None` where the rule passed.
        summary: Of the finding.
    """

    rule: str
    seed: int
    phi: float
    form: Form
    points: int
    severity: Severity | None = None
    summary: str = ""

    @property
    def is_alarm(self) -> bool:
        """Whether it is a finding that is more than advice."""
        return self.severity is not None and self.severity >= Severity.WARNING


def said_of(seed: int, phi: float, form: Form | None = None) -> list[Said]:
    """Ask every rule about one healthy run; rules that abstain say nothing.

    What a rule raises counts as an alarm.
    """
    run, history = healthy_history(seed, phi, form)
    said = []
    for kind in BUILTIN_RULES:
        place = (kind.name, seed, phi, run.form, run.points)
        try:
            outcome = _outcome(kind(), history)
        except Exception as error:  # noqa: BLE001 - as bad as any false alarm
            said.append(Said(*place, Severity.CRITICAL, f"raised {error!r}"))
            continue
        if isinstance(outcome, Finding):
            said.append(Said(*place, outcome.severity, outcome.summary))
        elif isinstance(outcome, Passed):
            said.append(Said(*place))
    return said


def _outcome(rule: Rule, history: RunHistory) -> Outcome | None:
    if any(one.missing_from(history) is not None for one in rule.requires):
        return None
    return rule.check(history)


@dataclass(frozen=True, slots=True)
class Count:
    """How often a rule took exception at one phi.

    Attributes:
        judged: Healthy runs that it judged.
        alarms: Of those, how many it raised an alarm on.
        advice: Of those, how many it had advice for.
    """

    judged: int
    alarms: int
    advice: int

    @classmethod
    def of(cls, said: Iterable[Said]) -> Count:
        """Count what one rule said."""
        kept = list(said)
        alarms = sum(one.is_alarm for one in kept)
        return cls(len(kept), alarms, sum(one.severity is not None for one in kept) - alarms)


def counted(said: Iterable[Said]) -> Iterator[tuple[str, dict[float, Count]]]:
    """Return for each rule, in the order of the catalogue, its counts at each phi."""
    kept = list(said)
    for rule in BUILTIN_RULES:
        own = [one for one in kept if one.rule == rule.name]
        yield rule.name, {phi: Count.of(one for one in own if one.phi == phi) for phi in PHIS}
