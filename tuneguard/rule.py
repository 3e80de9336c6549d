"""What a rule is: one training pathology, and the test that detects it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from tuneguard.findings import (
    Abstained,
    Evidence,
    Finding,
    Outcome,
    Passed,
    Prescription,
    Severity,
    View,
)
from tuneguard.history import Role, RunHistory

_ADVICE = {
    Role.TRAIN_LOSS: "record the training loss at every step",
    Role.TRAIN_EVALUATION_LOSS: "evaluate on training data too",
    Role.VALIDATION_LOSS: "validate at least a dozen times, with on_validation_end",
    Role.GRADIENT_NORM: "attach the callback: it records gradient norms",
    Role.LEARNING_RATE: "record the learning rate",
    Role.UPDATE_RATIO: "attach the callback: it records update ratios",
}


@dataclass(frozen=True, slots=True)
class Requirement:
    """Series that a rule cannot do without.

    Attributes:
        any_of: One of these roles must be played.
        min_points: By a series of at least so many finite points.
    """

    any_of: tuple[Role, ...]
    min_points: int = 1

    @property
    def advice(self) -> str:
        """What to record so that the requirement is met."""
        return " or ".join(_ADVICE[role] for role in self.any_of)

    def missing_from(self, history: RunHistory) -> str | None:
        """Return why `history` does not meet the requirement, or `None` if it does."""
        names = " or ".join(role.value.replace("_", " ") for role in self.any_of)
        found = [series for role in self.any_of if (series := history.get(role)) is not None]
        if not found:
            return f"the run has no {names}"
        most = max(int(series.is_finite.sum()) for series in found)
        if most < self.min_points:
            return f"{names} has {most} finite points, {self.min_points} are needed"
        return None


@dataclass(frozen=True)
class Rule(ABC):
    """One training pathology and the test that detects it.

    A subclass is a frozen dataclass whose fields are its thresholds. It sees one history, keeps
    no memory, and returns a value.
    """

    id: ClassVar[str]
    name: ClassVar[str]
    default_severity: ClassVar[Severity]
    requires: ClassVar[tuple[Requirement, ...]] = ()
    explains: ClassVar[frozenset[str]] = frozenset()
    """Names of rules whose findings this one's finding explains, if it began no later."""
    judges_learning: ClassVar[bool] = False
    """Whether passing this rule is evidence that the run learned: without one, no `healthy`."""

    @property
    def setting(self) -> str:
        """The rule's id and thresholds as text: part of what a diagnosis depends on."""
        return f"{self.id} {self!r}"

    @abstractmethod
    def check(self, history: RunHistory) -> Outcome:
        """Look at `history` and say what was found, passed, or could not be told."""

    def found(  # noqa: PLR0913 - the parts of a finding, by keyword
        self,
        summary: str,
        why: str,
        evidence: tuple[Evidence, ...],
        *,
        confidence: float,
        prescriptions: tuple[Prescription, ...] = (),
        severity: Severity | None = None,
        view: View | None = None,
    ) -> Finding:
        """Return a finding of this rule."""
        return Finding(
            rule=self.name,
            rule_id=self.id,
            severity=severity or self.default_severity,
            summary=summary,
            why=why,
            evidence=evidence,
            confidence=confidence,
            prescriptions=prescriptions,
            view=view,
        )

    def passed(self, *evidence: Evidence) -> Passed:
        """Return that this rule looked, and found nothing wrong."""
        return Passed(self.name, self.id, evidence)

    def abstained(self, reason: str, needs: str = "") -> Abstained:
        """Return that this rule could not tell."""
        return Abstained(self.name, self.id, reason, needs)
