"""TG106: the run was still improving when it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tuneguard.findings import Evidence, Finding, Outcome, Severity, View
from tuneguard.history import Role, RunHistory
from tuneguard.prescriptions.learning_rate import raise_learning_rate
from tuneguard.prescriptions.stopping import train_longer
from tuneguard.rule import Requirement, Rule
from tuneguard.statistics.extrapolation import Extrapolation, extrapolate
from tuneguard.statistics.splits import MeasuredCourse, quality, training_loss, validation_loss

_FACTORS = (2.0, 3.0, 4.0, 6.0)
_MOST_OF_IT = 0.8  # of what eight times the length would gain


@dataclass(frozen=True)
class StoppedTooEarly(Rule):
    """Training and validation were still improving fast when the run ended.

    What it detects:
        Losses that would fall much further in a run of twice the length, judged by the
        saturating curves that describe them so far.

    Why it matters:
        The figures of this run say little about what the model can do, and comparisons with
        runs of other lengths mislead.

    How it decides:
        Power laws and exponentials are fitted to the training loss and to what validation
        measured. The lower end of the interval of the gain that each predicts for a second run's
        length must be at least ``min_share`` of the progress made so far (``much_share`` for a
        warning), and ``min_noise`` standard deviations of the noise; for validation, half of
        that share is enough. A validation loss is measured by the training loss's progress
        where that is longer, as its first point comes late. A run whose learning rate ended at
        or below ``max_final_rate`` of its highest has finished its schedule: nothing is said.

    When it is wrong:
        A learning rate that is far too low looks the same. A curve that bends later than the
        fitted ones gains less than is predicted.

    References:
        Domhan et al. (2015), Speeding Up Automatic Hyperparameter Optimization by Extrapolation
        of Learning Curves.
        Godbole et al. (2023), Deep Learning Tuning Playbook.
    """

    id: ClassVar[str] = "TG106"
    name: ClassVar[str] = "stopped-too-early"
    default_severity: ClassVar[Severity] = Severity.WARNING
    requires: ClassVar[tuple[Requirement, ...]] = (
        Requirement((Role.TRAIN_LOSS, Role.TRAIN_EVALUATION_LOSS), min_points=10),
    )

    min_share: float = 0.15
    much_share: float = 0.2
    min_noise: float = 3.0
    max_final_rate: float = 0.2

    def check(self, history: RunHistory) -> Outcome:
        """Extrapolate both losses to twice the length of the run."""
        if history.is_running:
            return self.abstained("the run has not ended yet")
        final_rate = _final_rate(history, self.max_final_rate)
        if final_rate is not None and final_rate.value <= final_rate.threshold:
            return self.passed(final_rate)
        training = training_loss(history, min_points=10)
        ahead = _doubled(training)
        if training is None or ahead is None:
            return self.abstained("no saturating curve describes the training loss")
        evidence = [*self._evidence(training, ahead, training.curve.gained, 1.0)]
        shown, most = training, ahead
        validation = validation_loss(history) or quality(history, "validation")
        if validation is not None:
            further = _doubled(validation)
            if further is None:
                return self.passed(*evidence)
            scale = training.curve.gained if validation.name == "loss" else 0.0
            gained = max(validation.curve.gained, scale)
            evidence += self._evidence(validation, further, gained, 0.5)
            shown, most = validation, further
        if any(one.value < one.threshold for one in evidence):
            return self.passed(*evidence)
        return self._report(history, training, shown, most, tuple(evidence))

    def _evidence(
        self, measured: MeasuredCourse, ahead: Extrapolation, gained: float, part: float
    ) -> tuple[Evidence, ...]:
        series, tiny = measured.series, 1e-300
        return (
            Evidence(
                series.key,
                "least gain in a run twice as long, as a share of the progress made",
                ahead.low / max(gained, tiny),
                part * self.min_share,
                series.span,
            ),
            Evidence(
                series.key,
                "predicted gain in a run twice as long, in standard deviations of the noise",
                ahead.gain / max(measured.curve.level_noise, ahead.noise, tiny),
                self.min_noise,
                series.span,
            ),
        )

    def _report(
        self,
        history: RunHistory,
        training: MeasuredCourse,
        shown: MeasuredCourse,
        ahead: Extrapolation,
        evidence: tuple[Evidence, ...],
    ) -> Finding:
        unit, (first, last) = shown.series.axis.value, shown.series.span
        is_much = evidence[0].value >= self.much_share
        split = "validation" if shown is not training else "training"
        name = f"{split} {shown.name}"
        factor, gain = _worthwhile(shown)
        because = "the loss still fell steadily when the run ended"
        return self.found(
            f"The {name} was still improving when the run ended at {unit} {last:g}: another "
            f"{last:g} {unit}s would gain {ahead.low:.3g} to {ahead.high:.3g}, at least "
            f"{evidence[0].value:.0%} of the training loss's progress so far.",
            "The run does not show what the model can do.",
            evidence,
            confidence=0.8 if is_much else 0.5,
            severity=self.default_severity if is_much else Severity.INFO,
            prescriptions=(
                train_longer(last, factor, unit, gain, name),
                raise_learning_rate(history, factor=3.0, because=because),
            ),
            view=View(
                (training.series.key, *(() if shown is training else (shown.series.key,))),
                span=(0.5 * (first + last), last),
            ),
        )


def _doubled(measured: MeasuredCourse | None) -> Extrapolation | None:
    return _extrapolated(measured, 2.0) if measured is not None else None


def _extrapolated(measured: MeasuredCourse, factor: float) -> Extrapolation | None:
    series = measured.series.finite()
    values = -series.values if measured.is_negated else series.values
    first, last = series.span
    return extrapolate(series.steps, values, first + factor * (last - first))


def _worthwhile(measured: MeasuredCourse) -> tuple[float, float]:
    """Return how many times as long to train, and what the best fit gains by it."""
    most = _extrapolated(measured, 2.0 * _FACTORS[2])
    for factor in _FACTORS:
        ahead = _extrapolated(measured, factor)
        if ahead is not None and most is not None and ahead.gain >= _MOST_OF_IT * most.gain:
            return factor, ahead.gain
    return _FACTORS[-1], most.gain if most is not None else 0.0


def _final_rate(history: RunHistory, limit: float) -> Evidence | None:
    """Measure the last learning rate as a share of the highest."""
    series = history.get(Role.LEARNING_RATE)
    rates = series.finite() if series is not None else None
    if series is None or rates is None or len(rates) < 2 or float(rates.values.max()) <= 0.0:
        return None
    share = float(np.median(rates.values[-3:]) / rates.values.max())
    return Evidence(series.key, "last learning rate over the highest", share, limit, series.span)
