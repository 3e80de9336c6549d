"""What was said of a run, reduced to what errors are counted by and what explains them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tuneguard import Diagnosis, Finding, RunHistory, Severity
from tuneguard.causes import begin
from tuneguard.findings import Evidence


@dataclass(frozen=True, slots=True)
class Remark:
    """A finding, in short.

    Attributes:
        rule: Name of the rule.
        severity: How bad it is: 1 is advice, from 2 on it is an alarm.
        at: How far into the run its evidence begins, from 0 to 1.
        is_symptom: Whether another finding explains it.
        summary: What was found, in one sentence.
        evidence: The numbers that it rests on, as text.
    """

    rule: str
    severity: int
    at: float
    is_symptom: bool
    summary: str
    evidence: tuple[str, ...]

    @property
    def is_alarm(self) -> bool:
        """Whether it is more than advice."""
        return self.severity >= Severity.WARNING


@dataclass(frozen=True, slots=True)
class Said:
    """What a diagnosis said of one run.

    Attributes:
        verdict: Of the whole run.
        remarks: All findings, causes in order and then their symptoms.
        abstained: Rules that could not tell, with the reason.
        broken: Rules that raised, with the error.
    """

    verdict: str
    remarks: tuple[Remark, ...]
    abstained: Mapping[str, str]
    broken: Mapping[str, str]

    @property
    def alarms(self) -> tuple[str, ...]:
        """The rules that raised an alarm, the one to be believed first in front."""
        return tuple(one.rule for one in self.remarks if one.is_alarm)

    @property
    def advice(self) -> tuple[str, ...]:
        """The rules that gave advice."""
        return tuple(one.rule for one in self.remarks if not one.is_alarm)

    @classmethod
    def of(cls, diagnosis: Diagnosis, history: RunHistory) -> Said:
        """Take it from a diagnosis of a history."""
        remarks = sorted(_remarks(diagnosis.findings, history, is_symptom=False), key=_place)
        return cls(
            diagnosis.verdict,
            tuple(remarks),
            {one.rule: one.reason for one in diagnosis.abstained},
            {one.rule: one.error for one in diagnosis.broken},
        )

    def to_document(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Said:
        """Read what `to_document` returned."""
        remarks = (
            Remark(**{**one, "evidence": tuple(one["evidence"])}) for one in document["remarks"]
        )
        return cls(**{**document, "remarks": tuple(remarks)})


def _remarks(
    findings: Sequence[Finding], history: RunHistory, *, is_symptom: bool
) -> Iterator[Remark]:
    for one in findings:
        evidence = tuple(map(_in_words, one.evidence))
        at = round(begin(one, history), 4)
        yield Remark(one.rule, int(one.severity), at, is_symptom, one.summary, evidence)
        yield from _remarks(one.symptoms, history, is_symptom=True)


def _place(remark: Remark) -> bool:
    """Put causes before symptoms, each in the order that they came in."""
    return remark.is_symptom


def _in_words(evidence: Evidence) -> str:
    first, last = evidence.steps
    return (
        f"{evidence.statistic} of {evidence.metric}: {evidence.value:.4g}, "
        f"limit {evidence.threshold:.4g}, steps {first:g} to {last:g}"
    )
