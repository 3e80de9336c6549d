"""The alarms of a run, as somebody who followed it would have heard them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tuneguard.findings import Finding, Severity
from tuneguard.history import RunHistory
from tuneguard.live.lookout import PATIENCE, Lookout
from tuneguard.rule import Rule


@dataclass(frozen=True, slots=True)
class Alarm:
    """A finding at the moment at which it was reported.

    Attributes:
        rule: Name of the rule.
        severity: How bad it was; what is `info` is advice, no alarm in the narrow sense.
        step: Step that the run had reached when it was reported.
        seen_at: Step that the run had reached when it was first seen.
        finding: All of it.
    """

    rule: str
    severity: Severity
    step: float
    seen_at: float
    finding: Finding


def alarms(
    histories: Iterable[RunHistory],
    rules: Iterable[Rule | type[Rule]] | None = None,
    *,
    patience: float = PATIENCE,
) -> Iterator[Alarm]:
    """Diagnose a growing run at each look, and yield what is reported, when it is.

    An alarm is reported once, and once more where it became worse; that it is gone later does
    not take it back.

    Args:
        histories: One run, as it was at successive moments; with `status="running"` while it
            went on.
        rules: What to ask; all rules by default.
        patience: By what share of its steps the run must become longer before a finding counts.

    >>> points = [(step, float("nan")) for step in range(50)]
    >>> run = RunHistory.from_series({"train_loss": points}, status="running")
    >>> [alarm.rule for alarm in alarms([run])]
    ['non-finite-values']
    """
    from tuneguard.diagnosis import diagnose  # noqa: PLC0415 - heavy: not with the package

    lookout = Lookout(patience)
    asked = None if rules is None else list(rules)
    for history in histories:
        for event in lookout.look(history, diagnose(history, asked, pictures=False)):
            if event.what in {"found", "worse"}:
                finding, seen_at = event.sighting.finding, event.sighting.seen_at
                yield Alarm(finding.rule, finding.severity, event.step, seen_at, finding)
