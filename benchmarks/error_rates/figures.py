"""From rows to error rates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.error_rates.labels import Label, labels
from benchmarks.error_rates.outcomes import Standing
from benchmarks.error_rates.rows import Row
from benchmarks.error_rates.shares import Share

EPOCHS = "epochs"
NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Rates:
    """How often a speaker errs.

    Attributes:
        named: Of the manifest faults, how many it names with any alarm.
        named_first: Of the same, how many with its first alarm.
        wrong_cause: Of the same, how many whose first alarm neither names nor follows from it.
        false_alarms: Of the healthy runs, how many it raises any alarm on.
    """

    named: Share
    named_first: Share
    wrong_cause: Share
    false_alarms: Share


def label_of(row: Row) -> Label:
    """Return what may be said of a faulty training."""
    return labels()[str(row.spec.fault)]


def standing_as(rows: Iterable[Row], standing: Standing) -> list[Row]:
    """Return the rows of what proved to be so."""
    return [row for row in rows if row.standing is standing]


def to_be_named(rows: Iterable[Row], speaker: str) -> list[Row]:
    """Return the manifest faults that a speaker could see: of rows an epoch, not all."""
    manifest = standing_as(rows, Standing.MANIFEST)
    return [row for row in manifest if speaker != EPOCHS or label_of(row).in_epochs]


def is_named(row: Row, speaker: str) -> bool:
    """Whether any alarm names the fault."""
    return any(not label_of(row).names.isdisjoint(one) for one in row.alarms(speaker))


def is_named_first(row: Row, speaker: str) -> bool:
    """Whether the first alarm names the fault."""
    return any(not label_of(row).names.isdisjoint(one) for one in row.alarms(speaker)[:1])


def is_blamed_wrongly(row: Row, speaker: str) -> bool:
    """Whether there is a first alarm, and it neither names the fault nor follows from it."""
    label = label_of(row)
    allowed = label.names | label.follows
    return any(allowed.isdisjoint(one) for one in row.alarms(speaker)[:1])


def raises(row: Row, speaker: str, rule: str) -> bool:
    """Whether any alarm is one of a rule."""
    return any(rule in one for one in row.alarms(speaker))


def rates(rows: Sequence[Row], speaker: str) -> Rates:
    """Count the errors of a speaker."""
    faulty = to_be_named(rows, speaker)
    healthy = standing_as(rows, Standing.HEALTHY)
    return Rates(
        Share.of(faulty, lambda row: is_named(row, speaker)),
        Share.of(faulty, lambda row: is_named_first(row, speaker)),
        Share.of(faulty, lambda row: is_blamed_wrongly(row, speaker)),
        Share.of(healthy, lambda row: bool(row.alarms(speaker))),
    )


def called(rows: Iterable[Row], form: str, verdicts: Iterable[str]) -> Share:
    """Return the share of healthy runs with one of the verdicts."""
    allowed = set(verdicts)
    healthy = standing_as(rows, Standing.HEALTHY)
    return Share.of(healthy, lambda row: row.said[form].verdict in allowed)


def silent(rows: Iterable[Row], speaker: str) -> Share:
    """Return the share of unmanifest faults without an alarm, which is right."""
    unmanifest = standing_as(rows, Standing.UNMANIFEST)
    return Share.of(unmanifest, lambda row: not row.alarms(speaker))


def false_alarms_of(rows: Iterable[Row], speaker: str, rule: str) -> Share:
    """Return the share of healthy runs that a rule raises an alarm on."""
    healthy = standing_as(rows, Standing.HEALTHY)
    return Share.of(healthy, lambda row: raises(row, speaker, rule))


def recall_of(rows: Iterable[Row], speaker: str, rule: str) -> Share:
    """Return the share of the manifest faults that list a rule on which it raises an alarm."""
    own = [row for row in to_be_named(rows, speaker) if rule in label_of(row).names]
    return Share.of(own, lambda row: raises(row, speaker, rule))


def wrong_cause_of(rows: Iterable[Row], speaker: str, rule: str) -> Share:
    """Return the share of all other manifest faults that a rule is the first to be blamed for.

    Faults that it names, and those that it follows from, are left out.
    """
    others = [
        row
        for row in to_be_named(rows, speaker)
        if rule not in label_of(row).names | label_of(row).follows
    ]
    return Share.of(others, lambda row: row.alarms(speaker)[:1] == ((rule,),))


def advice_of(rows: Iterable[Row], form: str, rule: str) -> Share:
    """Return the share of healthy runs that a rule gives advice on."""
    healthy = standing_as(rows, Standing.HEALTHY)
    return Share.of(healthy, lambda row: rule in row.said[form].advice)


def delays(rows: Iterable[Row], rule: str | None = None) -> list[float]:
    """Return the shares of the run between the onset of a fault and the first right alarm.

    Args:
        rows: Trainings; those that do not show a fault, or raise no right alarm, are left out.
        rule: Count only the alarms of this rule.
    """
    found = []
    for row in standing_as(rows, Standing.MANIFEST):
        names = label_of(row).names & ({rule} if rule else label_of(row).names)
        right = [at for said, at in row.live if said in names]
        if right:
            found.append(max(0.0, min(right) - row.onset))
    return found


def confusion(rows: Iterable[Row], speaker: str) -> dict[str, Counter[str]]:
    """Count, for each kind of fault, the first alarms of its manifest runs."""
    counted: dict[str, Counter[str]] = {}
    for row in to_be_named(rows, speaker):
        first = row.alarms(speaker)[:1]
        said = first[0][0] if first else NOTHING
        counted.setdefault(str(row.spec.fault), Counter())[said] += 1
    return counted
