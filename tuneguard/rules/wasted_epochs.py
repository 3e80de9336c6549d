"""TG107: nothing gained since long ago."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tuneguard.findings import Evidence, Outcome, Severity, View
from tuneguard.history import Role, RunHistory
from tuneguard.prescriptions.stopping import end_sooner
from tuneguard.rule import Requirement, Rule
from tuneguard.statistics.splits import MeasuredCourse, quality, training_loss, validation_loss


@dataclass(frozen=True)
class WastedEpochs(Rule):
    """Validation reached its best early, and nothing was gained since.

    What it detects:
        A validation that is as good after a small part of the run as it ever gets, as far as its
        noise can tell.

    Why it matters:
        The rest of the run is paid for and bought nothing; the same budget tries other settings.

    How it decides:
        From some level on, no later one is better by more than ``max_gain`` of all that
        validation gained, or by ``max_noise`` standard deviations of a level's noise. That level
        lies so early that at least ``min_share`` of the run and ``min_validations`` validations
        come after it. Validation had gained ``min_gain`` standard deviations of its noise before.

    When it is wrong:
        Some tasks have a second descent long after the first. A longer run makes sure that the
        first one was the last.

    References:
        Prechelt (1998), Early Stopping - But When?
        Godbole et al. (2023), Deep Learning Tuning Playbook.
    """

    id: ClassVar[str] = "TG107"
    name: ClassVar[str] = "wasted-epochs"
    default_severity: ClassVar[Severity] = Severity.INFO
    requires: ClassVar[tuple[Requirement, ...]] = (
        Requirement((Role.TRAIN_LOSS, Role.TRAIN_EVALUATION_LOSS), min_points=5),
    )

    max_gain: float = 0.005
    max_noise: float = 4.0
    min_share: float = 0.85
    min_validations: int = 20
    min_gain: float = 10.0

    def check(self, history: RunHistory) -> Outcome:
        """Find the first level that no later one improves on."""
        if history.is_running:
            return self.abstained("the run has not ended yet")
        least = self.min_validations + 5
        measured = validation_loss(history, least) or quality(history, "validation", least)
        if measured is None or training_loss(history) is None:
            return self.abstained(
                "too few validations", f"validate at least {least} times, with on_validation_end"
            )
        series, evidence = measured.series, self._idle(measured)
        since, last = evidence[0].steps
        after = int((series.finite().steps > since).sum())
        is_wasted = all(one.value >= one.threshold for one in evidence)
        if not is_wasted or after < self.min_validations:
            return self.passed(*evidence)
        unit = series.axis.value
        return self.found(
            f"Validation {measured.name} gained nothing after {unit} {since:g}; the run went on "
            f"to {unit} {last:g}.",
            f"{evidence[0].value:.0%} of the run bought nothing.",
            evidence,
            confidence=0.6,
            prescriptions=(end_sooner(since, last, unit),),
            view=View((series.key,), span=(since, last), marks=((since, "last gain"),)),
        )

    def _idle(self, measured: MeasuredCourse) -> tuple[Evidence, Evidence]:
        """Measure how long nothing was gained, and how much had been before."""
        curve, series = measured.curve, measured.series
        spread = max(curve.level_noise, 1e-12 * max(abs(curve.best), 1e-300))
        slack = max(self.max_gain * curve.gained, self.max_noise * curve.level_noise)
        reached = int(np.argmax(curve.levels <= curve.best + slack))
        since, last = float(curve.steps[reached]), float(series.steps[-1])
        return (
            Evidence(
                series.key,
                "share of the run after the last gain",
                1.0 - float(curve.positions[reached]),
                self.min_share,
                (since, last),
            ),
            Evidence(
                series.key,
                "gain before that, in standard deviations of its noise",
                curve.gained / spread,
                self.min_gain,
                (float(series.steps[0]), since),
            ),
        )
