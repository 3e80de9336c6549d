"""TG101: validation gets worse while training goes on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from tuneguard.chance import reference_level
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
from tuneguard.statistics.generalisation import generalisation_gap
from tuneguard.statistics.splits import MeasuredCourse, quality, training_loss, validation_loss
from tuneguard.statistics.turnaround import (
    Continuation,
    Turnaround,
    continuation,
    turnaround,
)


@dataclass(frozen=True)
class Overfitting(Rule):
    """Validation gets worse, away from its best, while the training loss goes on falling.

    What it detects:
        After its best value the validation loss rises and stays up, or, in a run that records no
        validation loss, the validation metric falls and stays down, while the training loss goes
        on falling.

    Why it matters:
        From there on every step makes the model worse on data that it has not seen, and a
        checkpoint from the end of the run is not the one to keep.

    How it decides:
        Four things together. Effect: the validation loss ended above its best by at least
        ``min_rise`` of the range it had come down, or, where it came down less than a third as
        far as the training loss did, by ``min_rise_of_training`` of the training loss's range.
        Noise: by at least ``min_noise`` standard deviations of its own noise. Persistence: in
        none of the last ``persistence`` levels (of a short run, the last two) did it come back
        to two fifths of that rise. Training: its loss ended ``min_gain`` standard deviations of
        its first values below them, and at least ``min_fall`` of its range, beyond noise, of
        that since validation was best. Where training stood still as well, validation drifted.
        Ranges, not values, are the measure, so a loss may be negative.

        A gap that opens confirms a rise: training fell ``min_long_fall`` of its range since
        validation was best, and from the first half of that time to the second the median of
        the validation loss climbed by ``min_return`` of that fall. So does
        a validation metric that had improved and fell by the same measures; the noise of both
        then counts together (root of the sum of squares). ``min_share_if_confirmed`` of the
        limits is enough for a rise that is confirmed. Where an accuracy stayed within noise of
        its best, or within ``min_loss_of_metric`` of its range, the rise of the loss is
        overconfidence, and this rule stands back.

        Validation need not turn round. Where the loss of knowing nothing is known, a run that
        ended is found, too, where ``min_gap`` of what training gained below that is missing in
        each of the last ``persistence`` levels of the validation loss, by ``min_noise``
        standard deviations, and training gained ``min_gap_gain`` of them. Where it would be
        overconfidence, as much must be missing at its best already.

    When it is wrong:
        A learning rate that restarts in cycles lifts the validation loss for a while. Without a
        validation metric, a model that grows overconfident but not worse looks the same.

    References:
        Prechelt (1998), Early Stopping - But When? Goodfellow, Bengio & Courville (2016), Deep
        Learning, section 5.2.
    """

    id: ClassVar[str] = "TG101"
    name: ClassVar[str] = "overfitting"
    default_severity: ClassVar[Severity] = Severity.WARNING
    requires: ClassVar[tuple[Requirement, ...]] = (
        Requirement((Role.TRAIN_LOSS, Role.TRAIN_EVALUATION_LOSS), min_points=5),
    )
    explains: ClassVar[frozenset[str]] = frozenset(
        {"overconfidence", "wasted-epochs", "noisy-validation"}
    )
    judges_learning: ClassVar[bool] = False

    min_rise: float = 0.15
    min_rise_of_training: float = 0.04
    min_noise: float = 3.0
    min_gain: float = 3.0
    min_fall: float = 0.05
    min_long_fall: float = 0.15
    min_return: float = 0.2
    min_share_if_confirmed: float = 0.5
    min_loss_of_metric: float = 0.1
    min_gap: float = 0.4
    min_gap_gain: float = 4.0
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
            self._judged(training, one, gain)
            for one, gain in ((loss, training.curve.gained), (metric, 0.0))
            if one is not None
        ]
        guilty = self._guilty(judged)
        evidence = self._evidence(training, guilty)
        is_worse = self._is_worse(guilty)
        if is_worse and not self._only_overconfident(guilty, judged):
            return self._report(history, training, guilty.measured, evidence)
        if loss is None:
            return self.passed(*evidence)
        last = len(loss.curve.levels) if is_worse else self.persistence
        gap = self._gap(history, training, loss, last)
        return self._report_gap(history, training, loss, gap) if gap else self.passed(*evidence)

    def _gap(
        self, history: RunHistory, training: MeasuredCourse, loss: MeasuredCourse, last: int
    ) -> Evidence | None:
        """Return how much of what training gained is missing in validation, where it is much."""
        known = reference_level(history)
        if history.is_running or known is None or known.kind != "chance":
            return None
        gap = generalisation_gap(training.curve, loss.curve, known.level, last)
        is_clear = gap.noise >= self.min_noise and gap.gained >= self.min_gap_gain
        if not is_clear or gap.share < self.min_gap:
            return None
        words = f"gap to the training loss, as a share of what that gained below {known.words}"
        return Evidence(loss.series.key, words, gap.share, self.min_gap, loss.series.span)

    def _judged(self, training: MeasuredCourse, one: MeasuredCourse, gain: float) -> _Judged:
        turn = turnaround(one.curve, gain, self.persistence)
        went_on = continuation(training.curve, one.curve)
        is_confirmed = one.name == "loss" and went_on.confirms(
            turn.climb, self.min_long_fall, self.min_return
        )
        return _Judged(one, turn, went_on, turn.noise, is_confirmed)

    def _guilty(self, judged: list[_Judged]) -> _Judged:
        """Return the loss, or the metric where there is none or where both turned round."""
        first, metric = judged[0], judged[-1]
        if metric is first or self._is_worse(replace(first, is_confirmed=False)):
            return first
        enough = self.min_share_if_confirmed
        is_near = (
            first.turn.share >= enough * self._limit(first)
            and first.noise >= enough * self.min_noise
            and self._goes_on(first)
        )
        both = replace(metric, noise=float(np.hypot(first.noise, metric.noise)))
        return both if is_near and self._is_worse(both) else first

    def _only_overconfident(self, guilty: _Judged, judged: list[_Judged]) -> bool:
        """Whether the loss rose while what it stands for stayed within noise of its best."""
        metric = judged[-1]
        holds = metric.noise < self.min_noise or metric.turn.share < self.min_loss_of_metric
        counts = metric.measured.counts_classes and metric.turn.has_improved
        return guilty is judged[0] and metric is not guilty and counts and holds

    def _limit(self, judged: _Judged) -> float:
        return self.min_rise if judged.turn.is_of_own_range else self.min_rise_of_training

    def _goes_on(self, judged: _Judged) -> bool:
        return judged.went_on.is_clear(self.min_gain, self.min_fall)

    def _is_worse(self, judged: _Judged) -> bool:
        enough = self.min_share_if_confirmed if judged.is_confirmed else 1.0
        is_far = (
            judged.turn.share >= enough * self._limit(judged)
            and judged.noise >= enough * self.min_noise
        )
        is_loss = judged.measured.name == "loss"
        is_real = is_far and judged.turn.is_lasting and (is_loss or judged.turn.has_improved)
        return is_real and self._goes_on(judged)

    def _evidence(self, training: MeasuredCourse, judged: _Judged) -> tuple[Evidence, ...]:
        series, curve = judged.measured.series, judged.measured.curve
        change = "fall below its best" if judged.measured.is_negated else "rise above its best"
        whose = "it had gained" if judged.turn.is_of_own_range else "training had gained"
        window = (curve.best_step, float(series.steps[-1]))
        enough = self.min_share_if_confirmed if judged.is_confirmed else 1.0
        return (
            Evidence(
                series.key,
                f"{change}, as a share of what {whose}",
                judged.turn.share,
                enough * self._limit(judged),
                window,
            ),
            Evidence(
                series.key,
                f"{change}, in standard deviations of its noise",
                judged.noise,
                enough * self.min_noise,
                window,
            ),
            Evidence(
                training.series.key,
                "fall since validation was best, as a share of its range",
                judged.went_on.share,
                self.min_fall,
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

    def _report_gap(
        self, history: RunHistory, training: MeasuredCourse, loss: MeasuredCourse, gap: Evidence
    ) -> Finding:
        unit, last = loss.series.axis.value, float(loss.series.steps[-1])
        return self.found(
            f"Validation loss ended at {loss.end:.4g} by {unit} {last:g}, where training had "
            f"come down to {training.end:.4g}: {gap.value:.0%} of what was gained is missing.",
            "Much of what was learned is true of the training data only.",
            (gap,),
            confidence=0.7,
            prescriptions=_prescriptions(history, loss),
            view=View((loss.series.key, training.series.key), span=loss.series.span),
        )


@dataclass(frozen=True, slots=True)
class _Judged:
    """A validation series, how far it turned round, and how training went on meanwhile.

    Attributes:
        measured: The series.
        turn: How far it turned round.
        went_on: How training went on since its best.
        noise: How far it turned round, in standard deviations.
        is_confirmed: Whether a gap to training opened that by itself speaks of overfitting.
    """

    measured: MeasuredCourse
    turn: Turnaround
    went_on: Continuation
    noise: float
    is_confirmed: bool


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
