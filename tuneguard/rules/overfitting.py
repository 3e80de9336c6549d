"""TG101: validation gets worse while training goes on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from tuneguard.findings import Evidence, Finding, Outcome, Prescription, Severity, View
from tuneguard.history import Role, RunHistory
from tuneguard.prescriptions.capacity import smaller_model
from tuneguard.prescriptions.regularisation import (
    MAX_DROPOUT,
    MAX_WEIGHT_DECAY,
    label_smoothing,
    more_dropout,
    more_weight_decay,
)
from tuneguard.prescriptions.stopping import stop_at_best
from tuneguard.rule import Requirement, Rule
from tuneguard.statistics.splits import MeasuredCourse, quality, training_loss, validation_loss
from tuneguard.statistics.turnaround import Turnaround, goes_on, turnaround


@dataclass(frozen=True)
class Overfitting(Rule):
    """Validation gets worse, away from its best, while the training loss goes on falling.

    What it detects:
        After its best value the validation loss rises and stays up, or, in a run that records no
        validation loss, the validation metric falls and stays down, while the training loss at
        the end of the run is no higher than it was at that point.

    Why it matters:
        From there on every step makes the model worse on data that it has not seen, and a
        checkpoint from the end of the run is not the one to keep.

    How it decides:
        Three things together. Effect: the validation loss ended above its best by at least
        ``min_rise`` of the range it had come down, or, where it came down less than a third as
        far as the training loss did, by ``min_rise_of_training`` of the training loss's range.
        Noise: by at least ``min_noise`` standard deviations of its own noise. Persistence: in
        none of the last ``persistence`` evaluations did it come back to half of that rise. And
        training did learn: its loss ended ``min_gain`` standard deviations of its first values
        below them. Ranges, not values, are the measure, so a loss may be negative.
        A validation metric that had improved is judged by the same three, and has its say. Where
        it fell that far, ``min_share_with_metric`` of the limits is enough for the loss, and
        their noise counts together (root of the sum of squares). Where an accuracy stayed
        within noise of its best, or within ``min_loss_of_metric`` of its range, the rise of the
        loss is overconfidence, and this rule stands back.

    When it is wrong:
        A learning rate that restarts in cycles lifts the validation loss for a while. Without a
        validation metric, a model that grows overconfident but not worse looks the same.

    References:
        Prechelt (1998), Early Stopping - But When?
    """

    id: ClassVar[str] = "TG101"
    name: ClassVar[str] = "overfitting"
    default_severity: ClassVar[Severity] = Severity.WARNING
    requires: ClassVar[tuple[Requirement, ...]] = (
        Requirement((Role.TRAIN_LOSS, Role.TRAIN_EVALUATION_LOSS), min_points=5),
    )
    explains: ClassVar[frozenset[str]] = frozenset({"wasted-epochs", "noisy-validation"})
    judges_learning: ClassVar[bool] = False

    min_rise: float = 0.15
    min_rise_of_training: float = 0.04
    min_noise: float = 3.0
    min_gain: float = 3.0
    min_share_with_metric: float = 0.5
    min_loss_of_metric: float = 0.1
    persistence: int = 3

    def check(self, history: RunHistory) -> Outcome:
        """Compare where validation was best with where it ended."""
        training = training_loss(history)
        loss, metric = validation_loss(history), quality(history, "validation")
        if training is None or (loss is None and metric is None):
            return self.abstained(
                "too few validations", "validate at least a dozen times, with on_validation_end"
            )
        judged = [
            _Judged(one, turn, turn.noise)
            for one, gain in ((loss, training.curve.gained), (metric, 0.0))
            if one is not None
            for turn in [turnaround(one.curve, gain, self.persistence)]
        ]
        guilty = self._guilty(judged)
        evidence = self._evidence(guilty)
        is_worse = self._is_worse(guilty) and not self._only_overconfident(guilty, judged)
        if is_worse and goes_on(training.curve, guilty.measured.curve, self.min_gain):
            return self._report(history, training, guilty.measured, evidence)
        return self.passed(*evidence)

    def _guilty(self, judged: list[_Judged]) -> _Judged:
        """Return the loss, or the metric where there is none or where both turned round."""
        first, metric = judged[0], judged[-1]
        enough = self.min_share_with_metric
        is_both = (
            metric is not first
            and not self._is_worse(first)
            and first.turn.share >= enough * self._limit(first)
            and first.noise >= enough * self.min_noise
        )
        return (
            replace(metric, noise=float(np.hypot(first.noise, metric.noise))) if is_both else first
        )

    def _only_overconfident(self, guilty: _Judged, judged: list[_Judged]) -> bool:
        """Whether the loss rose while what it stands for stayed within noise of its best."""
        metric = judged[-1]
        holds = metric.noise < self.min_noise or metric.turn.share < self.min_loss_of_metric
        counts = metric.measured.counts_classes and metric.turn.has_improved
        return guilty is judged[0] and metric is not guilty and counts and holds

    def _limit(self, judged: _Judged) -> float:
        return self.min_rise if judged.turn.is_of_own_range else self.min_rise_of_training

    def _is_worse(self, judged: _Judged) -> bool:
        is_far = judged.turn.share >= self._limit(judged) and judged.noise >= self.min_noise
        is_loss = judged.measured.name == "loss"
        return is_far and judged.turn.is_lasting and (is_loss or judged.turn.has_improved)

    def _evidence(self, judged: _Judged) -> tuple[Evidence, ...]:
        series, curve = judged.measured.series, judged.measured.curve
        change = "fall below its best" if judged.measured.is_negated else "rise above its best"
        whose = "it had gained" if judged.turn.is_of_own_range else "training had gained"
        window = (curve.best_step, float(series.steps[-1]))
        share, noise = judged.turn.share, judged.noise
        return (
            Evidence(
                series.key,
                f"{change}, as a share of what {whose}",
                share,
                self._limit(judged),
                window,
            ),
            Evidence(
                series.key,
                f"{change}, in standard deviations of its noise",
                noise,
                self.min_noise,
                window,
            ),
        )

    def _report(
        self,
        history: RunHistory,
        training: MeasuredCourse,
        guilty: MeasuredCourse,
        evidence: tuple[Evidence, ...],
    ) -> Finding:
        best, last = evidence[0].steps
        unit = guilty.series.axis.value
        worse = "fell" if guilty.is_negated else "rose"
        rise = guilty.curve.lost * evidence[0].threshold / evidence[0].value
        return self.found(
            f"Validation {guilty.name} was best at {unit} {best:g} ({guilty.best:.4g}) and "
            f"{worse} to {guilty.end:.4g} by {unit} {last:g}, while training went on.",
            "Since then the model has become worse on data that it has not seen.",
            evidence,
            confidence=min(0.99, 0.5 + 0.1 * evidence[0].value / evidence[0].threshold),
            prescriptions=_prescriptions(history, guilty),
            view=View(
                (guilty.series.key, training.series.key),
                span=(best, last),
                threshold=guilty.best - rise if guilty.is_negated else guilty.best + rise,
                marks=((best, "best validation"),),
            ),
        )


@dataclass(frozen=True, slots=True)
class _Judged:
    """A validation series, how far it turned round, and that in standard deviations."""

    measured: MeasuredCourse
    turn: Turnaround
    noise: float


def _prescriptions(history: RunHistory, guilty: MeasuredCourse) -> tuple[Prescription, ...]:
    patience = max(3, round(0.1 * guilty.curve.points))
    fixes = [
        stop_at_best(
            guilty.curve.best_step,
            guilty.series.axis.value,
            guilty.best,
            patience,
            name=f"validation {guilty.name}",
            is_higher_better=guilty.is_negated,
        )
    ]
    known = history.hyperparameters
    if (known.weight_decay or 0.0) < MAX_WEIGHT_DECAY:
        fixes.append(more_weight_decay(history))
    if (known.dropout or 0.0) < MAX_DROPOUT:
        fixes.append(more_dropout(history))
    if known.task != "regression":
        fixes.append(label_smoothing())
    return (*fixes, smaller_model(history))
