"""What was tried, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tuneguard.comparison import Comparison
from tuneguard.diagnosis import Diagnosis
from tuneguard.findings import Severity
from tuneguard.history import RunHistory

Standing = Literal["baseline", "kept", "reverted", "failed"]
Ending = Literal["healthy", "nothing left to try", "no trainings left", "no time left"]


@dataclass(frozen=True, eq=False)
class Trial:
    """One training with one seed.

    Attributes:
        seed: The value of the seed's parameter; `None` where there is none.
        history: What happened; `None` where training raised.
        diagnosis: What was found in it.
        error: What training raised, as text; empty where it came to its end.
        seconds: How long it took.
        run_id: The run in MLflow that holds it, if one does.
    """

    seed: object
    history: RunHistory | None
    diagnosis: Diagnosis | None
    error: str = ""
    seconds: float = 0.0
    run_id: str | None = None

    @property
    def alarms(self) -> int:
        """How many findings, causes and symptoms, are more than advice."""
        found = self.diagnosis.all_findings() if self.diagnosis else ()
        return sum(one.severity > Severity.INFO for one in found)

    @property
    def is_healthy(self) -> bool:
        """Whether enough could be judged, and nothing more than advice was found."""
        return self.diagnosis is not None and self.diagnosis.verdict in {"healthy", "info"}


@dataclass(frozen=True, eq=False)
class Attempt:
    """The same parameters, trained with one seed or several.

    Attributes:
        number: 0 for the parameters that were given, then counted up.
        started_from: Number of the attempt that it changes; its own for the first.
        params: What the training function took.
        changed: Parameters that differ from those of the attempt that it started from: name
            to value before and after.
        rule: The finding that was treated; empty for the first.
        action: The prescription, as a sentence; empty for the first.
        trials: Its trainings.
        comparison: Against the attempt that it started from; `None` where none could be made.
        standing: What became of it.
        reason: Why, in one sentence.
    """

    number: int
    started_from: int
    params: Mapping[str, Any]
    changed: Mapping[str, tuple[Any, Any]]
    rule: str
    action: str
    trials: tuple[Trial, ...]
    comparison: Comparison | None
    standing: Standing
    reason: str

    @property
    def is_healthy(self) -> bool:
        """Whether every one of its trainings is."""
        return all(one.is_healthy for one in self.trials)

    @property
    def alarms(self) -> float:
        """Mean number of alarms of its trainings."""
        return sum(one.alarms for one in self.trials) / max(len(self.trials), 1)

    @property
    def histories(self) -> tuple[RunHistory, ...]:
        """What happened in those trainings that came to their end."""
        return tuple(one.history for one in self.trials if one.history is not None)


@dataclass(frozen=True, eq=False)
class Treatment:
    """All that was tried.

    Attributes:
        attempts: In the order of their trying.
        best: Number of the attempt that was kept last.
        ending: Why no more was tried.
        overall: What was kept against the parameters that were given; `None` where nothing was.
        parent_id: The run in MLflow over those of the attempts, if there is one.
        settings: The settings that the parameters could express.
        seconds: What all trainings took together.
    """

    attempts: tuple[Attempt, ...]
    best: int
    ending: Ending
    overall: Comparison | None = None
    settings: tuple[str, ...] = ()
    parent_id: str | None = None
    seconds: float = 0.0

    @property
    def is_healthy(self) -> bool:
        """Whether the parameters that were kept train a model without a finding."""
        return self.kept.is_healthy

    @property
    def kept(self) -> Attempt:
        """The attempt that was kept last."""
        return self.attempts[self.best]

    @property
    def params(self) -> Mapping[str, Any]:
        """The parameters to go on with."""
        return self.kept.params

    @property
    def trainings(self) -> int:
        """How many trainings were made."""
        return sum(len(one.trials) for one in self.attempts)
