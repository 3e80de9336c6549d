"""Prescriptions that were tried, counted by finding and by what was changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from tuneguard.feedback import RuleRecord
from tuneguard.statistics.proportions import wilson_interval

Outcome = Literal["helped", "no effect", "made worse", "cannot tell"]
Source = Literal["treatment", "pair"]

_LAST_RUNS: Final = 3


@dataclass(frozen=True, slots=True)
class Tried:
    """A prescription that was followed once. Ids are untrusted text.

    Attributes:
        rule: The finding that it was prescribed for.
        remedy: What was changed, as `remedy_of` names it.
        outcome: What came of it.
        run_id: The run with the change.
        at: When that began, in milliseconds since 1970.
        source: Whether a treatment tried it, or a person by another run.
    """

    rule: str
    remedy: str
    outcome: Outcome
    run_id: str
    at: int
    source: Source


@dataclass(frozen=True, slots=True)
class RemedyRecord:
    """How one change did against one finding.

    Attributes:
        rule: The finding.
        remedy: The change.
        helped: How often it was better, or the finding was gone and nothing worse.
        no_effect: How often the finding stayed, and nothing was surely better.
        made_worse: How often it was worse, or could not be trained at all.
        cannot_tell: How often the finding was not seen before either, and nothing can be said;
            these are no trials.
        last_runs: The last runs with the change, the newest first.
    """

    rule: str
    remedy: str
    helped: int
    no_effect: int
    made_worse: int
    cannot_tell: int = 0
    last_runs: tuple[str, ...] = ()

    @property
    def tried(self) -> int:
        """How often there was a result."""
        return self.helped + self.no_effect + self.made_worse

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the share that helped (Wilson 1927)."""
        return wilson_interval(self.helped, self.tried)


@dataclass(frozen=True, slots=True)
class Looked:
    """How much was looked at, so that a small count can be told from a short look.

    Attributes:
        runs: Runs of the experiment.
        treatments: Attempts of treatments among them.
        undiagnosed: Runs that nobody has diagnosed yet.
        diagnoses: Diagnoses that were read, or made anew where only tags were kept.
        pairs: Pairs of runs of which the later one follows a prescription.
        compared: How many of those were compared.
        left_out: Pairs whose finding people call a false alarm.
        unreadable: Runs or pairs that could not be read or compared.
        undone: Runs with findings whose diagnosis was not read, because enough were.
    """

    runs: int = 0
    treatments: int = 0
    undiagnosed: int = 0
    diagnoses: int = 0
    pairs: int = 0
    compared: int = 0
    left_out: int = 0
    unreadable: int = 0
    undone: int = 0


@dataclass(frozen=True, slots=True)
class PastEvidence:
    """What the runs of an experiment say of prescriptions. Names are untrusted text.

    Attributes:
        experiment: Its name.
        records: What was tried, the most often tried first.
        opinions: What people say of the findings, by rule.
        looked: What all this rests on.
        notes: What a person should know of the reading.
    """

    experiment: str
    records: tuple[RemedyRecord, ...] = ()
    opinions: tuple[RuleRecord, ...] = ()
    looked: Looked = Looked()
    notes: tuple[str, ...] = ()

    def record_of(self, rule: str, remedy: str) -> RemedyRecord | None:
        """Return how a change did against a finding, or `None` where it was not tried."""
        found = (one for one in self.records if (one.rule, one.remedy) == (rule, remedy))
        return next(found, None)

    @property
    def overall(self) -> tuple[int, int]:
        """How often any prescription helped, and how often any was tried."""
        return sum(one.helped for one in self.records), sum(one.tried for one in self.records)


def records_of(trials: Iterable[Tried]) -> tuple[RemedyRecord, ...]:
    """Count trials by finding and change, the most often tried first."""
    grouped: dict[tuple[str, str], list[Tried]] = {}
    for one in sorted(trials, key=lambda one: -one.at):
        grouped.setdefault((one.rule, one.remedy), []).append(one)
    records = [_record(rule, remedy, found) for (rule, remedy), found in grouped.items()]
    return tuple(sorted(records, key=lambda one: (-one.tried, one.rule, one.remedy)))


def _record(rule: str, remedy: str, newest_first: list[Tried]) -> RemedyRecord:
    outcomes = [one.outcome for one in newest_first]
    return RemedyRecord(
        rule,
        remedy,
        helped=outcomes.count("helped"),
        no_effect=outcomes.count("no effect"),
        made_worse=outcomes.count("made worse"),
        cannot_tell=outcomes.count("cannot tell"),
        last_runs=tuple(one.run_id for one in newest_first[:_LAST_RUNS]),
    )
