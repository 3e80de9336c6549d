"""What somebody who watches a run is shown: pure, from one look to the next."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from tuneguard.diagnosis import Diagnosis
from tuneguard.findings import Prescription
from tuneguard.history import Axis, Role, RunHistory, Series
from tuneguard.live import Event, Lookout, Sighting

_PACE_SECONDS = 60.0
_POINTS = 200
_METRICS = 2
_ROLES = {
    Role.TRAIN_LOSS: "training loss",
    Role.VALIDATION_LOSS: "validation loss",
    Role.GRADIENT_NORM: "gradient norm",
    Role.LEARNING_RATE: "learning rate",
}


@dataclass(frozen=True, slots=True)
class Trace:
    """The recent course of one quantity.

    Attributes:
        label: What it is.
        values: At evenly spaced times from its first point to its last; not finite where the
            run's were not.
        is_positive: Whether it is usually looked at on a logarithmic scale, as norms are.
    """

    label: str
    values: tuple[float, ...]
    is_positive: bool = False


@dataclass(frozen=True, slots=True)
class Sight:
    """Everything to show of a run at one moment.

    Attributes:
        name: Name of the run, untrusted.
        status: How it stands.
        step: How far it has come.
        unit: What that counts: `step` or `epoch`.
        planned: How far it is to go, where known.
        pace: Steps (or epochs) a second over the last minute, where known.
        traces: What is plotted.
        sightings: Findings, those that hold first.
        first_fix: What to try first, where something is wrong.
        unjudged: How many checks could not be made yet.
    """

    name: str
    status: str
    step: float
    unit: Literal["step", "epoch"]
    planned: float | None
    pace: float | None
    traces: tuple[Trace, ...]
    sightings: tuple[Sighting, ...]
    first_fix: Prescription | None
    unjudged: int

    @property
    def seconds_left(self) -> float | None:
        """How long the run still takes at its present pace, where that can be told."""
        if self.planned is None or not self.pace or self.step >= self.planned:
            return None
        return (self.planned - self.step) / self.pace


@dataclass
class Watch:
    """The memory of somebody who watches: what lasted when, and how fast it goes.

    Attributes:
        lookout: What was found, from look to look.
    """

    lookout: Lookout = field(default_factory=Lookout)
    _passed: deque[tuple[float, float]] = field(default_factory=deque)

    def look(
        self, history: RunHistory, diagnosis: Diagnosis, seconds: float
    ) -> tuple[Sight, tuple[Event, ...]]:
        """Take in a new look at the run.

        Args:
            history: The run as it is now.
            diagnosis: What the rules say of it.
            seconds: When that was, on a clock of any origin.

        Returns:
            What to show, and what is new.
        """
        events = self.lookout.look(history, diagnosis)
        self._keep_pace(history.last_step, seconds)
        return self._sight(history, diagnosis, history.last_step), events

    def _keep_pace(self, step: float, seconds: float) -> None:
        if self._passed and step < self._passed[-1][0]:
            self._passed.clear()  # the run was resumed from an earlier step
        self._passed.append((step, seconds))
        while seconds - self._passed[0][1] > _PACE_SECONDS and len(self._passed) > 2:
            self._passed.popleft()

    @property
    def _pace(self) -> float | None:
        (first, begin), (last, end) = self._passed[0], self._passed[-1]
        return (last - first) / (end - begin) if last > first and end > begin else None

    def _sight(self, history: RunHistory, diagnosis: Diagnosis, step: float) -> Sight:
        has_steps = any(one.axis is Axis.STEP and len(one) for one in history.series.values())
        listed = self.lookout.sightings
        ordered = sorted(listed.values(), key=lambda one: one.gone_at is not None)
        causes = [one for one in diagnosis.findings if one.rule in listed]
        return Sight(
            name=history.identity.name or history.identity.run_id or "unnamed run",
            status=history.status or "unknown",
            step=step,
            unit="step" if has_steps else "epoch",
            planned=history.planned_steps if has_steps else history.hyperparameters.epochs,
            pace=self._pace if history.is_running else None,
            traces=tuple(_traces(history)),
            sightings=tuple(ordered),
            first_fix=next((one.prescriptions[0] for one in causes if one.prescriptions), None),
            unjudged=len(diagnosis.abstained),
        )


def _traces(history: RunHistory) -> list[Trace]:
    traces = [
        Trace(label, _reduced(series), role in {Role.GRADIENT_NORM, Role.LEARNING_RATE})
        for role, label in _ROLES.items()
        if (series := history.get(role)) is not None and len(series)
    ]
    metrics = [one for one in history.metrics if one.split == "validation"][:_METRICS]
    shown = [
        Trace(f"validation {one.name}", _reduced(history.series[one.key]))
        for one in metrics
        if len(history.series[one.key])
    ]
    return [*traces[:2], *shown, *traces[2:]]


def _reduced(series: Series) -> tuple[float, ...]:
    """Return what was known at evenly spaced times, the last value at the end.

    Sampled series have most of their points at the start of a run.
    """
    times = np.linspace(series.steps[0], series.steps[-1], _POINTS)
    known = np.searchsorted(series.steps, times, side="right") - 1
    return tuple(series.values[known].tolist())
