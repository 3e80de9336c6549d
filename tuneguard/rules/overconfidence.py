"""TG103: validation loss climbs while validation accuracy holds or still rises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tuneguard.findings import Evidence, Finding, Outcome, Prescription, Severity, View
from tuneguard.history import Role, RunHistory
from tuneguard.prescriptions.calibration import fit_a_temperature
from tuneguard.prescriptions.regularisation import (
    MAX_WEIGHT_DECAY,
    label_smoothing,
    more_weight_decay,
)
from tuneguard.prescriptions.stopping import stop_at_best
from tuneguard.rule import Requirement, Rule
from tuneguard.statistics.rise import Rise, RiseLimits, rise_of
from tuneguard.statistics.splits import MeasuredCourse, quality, training_loss, validation_loss
from tuneguard.statistics.turnaround import Turnaround, turnaround


@dataclass(frozen=True)
class Overconfidence(Rule):
    """Validation loss climbs while validation accuracy holds or still rises.

    What it detects:
        A validation loss that rises from its best and stays up, while as many answers as before
        are right: the model is ever surer of those that are wrong.

    Why it matters:
        Its probabilities mean nothing: thresholds, rankings and losses built on them mislead. A
        checkpoint chosen by loss and one chosen by accuracy are not the same.

    How it decides:
        The loss ended above its best by at least ``min_rise`` of the range it had come down, or,
        where it came down less than a third as far as the training loss did, by
        ``min_rise_of_training`` of the training loss's range; by ``min_noise`` standard
        deviations of its own noise; and in none of its last ``persistence`` levels (of a short
        run, the last two) did it come back to two fifths of that rise. Training went on: its
        loss ended ``min_gain`` standard deviations below its first values, and at least
        ``min_fall`` of its range of that since validation was best. Where it fell
        ``min_long_fall`` of its range since then, and the median of the validation loss climbed
        by ``min_return`` of that fall from the first half of that time to the second,
        ``min_share_if_confirmed`` of the limits is enough. The accuracy
        (or F1, AUC) had improved, and ended within ``min_noise`` standard deviations or
        ``max_loss_of_metric`` of its range of its best.

    When it is wrong:
        Where only the order of answers matters, nothing is lost by it. An accuracy of few samples
        is too coarse to show that it falls.

    References:
        Guo et al. (2017), On Calibration of Modern Neural Networks.
        Müller et al. (2019), When Does Label Smoothing Help?
    """

    id: ClassVar[str] = "TG103"
    name: ClassVar[str] = "overconfidence"
    default_severity: ClassVar[Severity] = Severity.WARNING
    requires: ClassVar[tuple[Requirement, ...]] = (
        Requirement((Role.VALIDATION_LOSS,), min_points=8),
        Requirement((Role.TRAIN_LOSS, Role.TRAIN_EVALUATION_LOSS), min_points=5),
    )
    explains: ClassVar[frozenset[str]] = frozenset({"wasted-epochs", "noisy-validation"})

    min_rise: float = 0.25
    min_rise_of_training: float = 0.06
    min_noise: float = 4.0
    min_gain: float = 3.0
    min_fall: float = 0.05
    min_long_fall: float = 0.15
    min_return: float = 0.2
    min_share_if_confirmed: float = 0.5
    max_loss_of_metric: float = 0.1
    persistence: int = 3

    def check(self, history: RunHistory) -> Outcome:
        """Hold the rise of the validation loss against the course of the accuracy."""
        training, loss = training_loss(history), validation_loss(history)
        metric = quality(history, "validation")
        if training is None or loss is None:
            return self.abstained("too few finite losses")
        if metric is None or not metric.counts_classes:
            return self.abstained(
                "the run has no validation accuracy",
                "pass the accuracy to on_validation_end beside the loss",
            )
        rise = rise_of(training, loss, self._limits())
        fall = turnaround(metric.curve, persistence=self.persistence)
        evidence = (
            *self._rise(rise),
            self._holding(metric, fall),
            self._training(training, rise),
        )
        holds = fall.noise < self.min_noise or fall.share < self.max_loss_of_metric
        if not rise.is_far or not holds or not fall.has_improved:
            return self.passed(*evidence)
        return self._report(history, loss, metric, evidence)

    def _limits(self) -> RiseLimits:
        return RiseLimits(
            share=self.min_rise,
            share_of_training=self.min_rise_of_training,
            noise=self.min_noise,
            gain=self.min_gain,
            fall=self.min_fall,
            long_fall=self.min_long_fall,
            climb=self.min_return,
            if_confirmed=self.min_share_if_confirmed,
            persistence=self.persistence,
        )

    def _rise(self, rise: Rise) -> tuple[Evidence, Evidence]:
        whose = "it came down" if rise.turn.is_of_own_range else "the training loss came down"
        series, curve = rise.measured.series, rise.measured.curve
        window = (curve.best_step, float(series.steps[-1]))
        return (
            Evidence(
                series.key,
                f"rise above its best, as a share of what {whose}",
                rise.turn.share,
                rise.least_share,
                window,
            ),
            Evidence(
                series.key,
                "rise above its best, in standard deviations of its noise",
                rise.noise,
                rise.least_noise,
                window,
            ),
        )

    def _holding(self, metric: MeasuredCourse, fall: Turnaround) -> Evidence:
        is_small = fall.share < self.max_loss_of_metric
        return Evidence(
            metric.series.key,
            "fall below its best, as a share of what it had gained"
            if is_small
            else "fall below its best, in standard deviations of its noise",
            max(fall.share, 0.0) if is_small else fall.noise,
            self.max_loss_of_metric if is_small else self.min_noise,
            (metric.curve.best_step, float(metric.series.steps[-1])),
        )

    def _training(self, training: MeasuredCourse, rise: Rise) -> Evidence:
        loss = rise.measured
        return Evidence(
            training.series.key,
            "fall since validation loss was best, as a share of its range",
            rise.went_on.share,
            self.min_fall,
            (loss.curve.best_step, float(loss.series.steps[-1])),
        )

    def _report(
        self,
        history: RunHistory,
        loss: MeasuredCourse,
        metric: MeasuredCourse,
        evidence: tuple[Evidence, ...],
    ) -> Finding:
        (best, last), unit = evidence[0].steps, loss.series.axis.value
        return self.found(
            f"Validation loss rose from {loss.best:.4g} at {unit} {best:g} to {loss.end:.4g} at "
            f"{unit} {last:g}, while {metric.name} stayed at {metric.end:.4g} (its best was "
            f"{metric.best:.4g}).",
            "The model is ever surer of answers that are wrong: its probabilities mean little.",
            evidence,
            confidence=min(0.95, 0.5 + 0.1 * evidence[0].value / evidence[0].threshold),
            prescriptions=_prescriptions(history, loss),
            view=View(
                (loss.series.key, metric.series.key),
                span=(best, last),
                marks=((best, "best validation loss"),),
            ),
        )


def _prescriptions(history: RunHistory, loss: MeasuredCourse) -> tuple[Prescription, ...]:
    fixes = [label_smoothing(), fit_a_temperature()]
    if (history.hyperparameters.weight_decay or 0.0) < MAX_WEIGHT_DECAY:
        fixes.append(more_weight_decay(history))
    patience = max(3, round(0.1 * loss.curve.points))
    unit = loss.series.axis.value
    return (*fixes, stop_at_best(loss.curve.best_step, unit, loss.best, patience))
