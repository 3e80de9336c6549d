"""TG101: validation gets worse while training goes on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from tuneguard.chance import reference_level
from tuneguard.findings import Evidence, Finding, Outcome, Prescription, Severity, View
from tuneguard.history import Axis, Role, RunHistory
from tuneguard.prescriptions.capacity import smaller_model
from tuneguard.prescriptions.regularisation import (
    MAX_DROPOUT,
    MAX_WEIGHT_DECAY,
    label_smoothing,
    mix_samples,
    more_dropout,
    more_weight_decay,
)
from tuneguard.prescriptions.stopping import stop_at_best
from tuneguard.rule import Requirement, Rule
from tuneguard.statistics.generalisation import generalisation_gap
from tuneguard.statistics.rise import Rise, RiseLimits, rise_of
from tuneguard.statistics.splits import MeasuredCourse, quality, training_loss, validation_loss


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
        standard deviations, training gained ``min_gap_gain`` of them, and validation came down in
        the second half of the run by at most ``max_closing`` of the gap: what it still gains may
        close it. Rows of one an epoch, where that loss is not known, are held to their first
        values: ``min_gap_of_rows`` must be missing at the best validation, which had come down at
        most ``max_followed`` as far as training. Where it would be overconfidence, as much must
        be missing at its best already.

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
    min_rise_of_training: float = 0.12
    min_noise: float = 3.0
    min_gain: float = 3.0
    min_fall: float = 0.05
    min_long_fall: float = 0.15
    min_return: float = 0.2
    min_share_if_confirmed: float = 0.5
    min_loss_of_metric: float = 0.1
    min_gap: float = 0.28
    min_gap_of_rows: float = 0.4
    min_gap_gain: float = 4.0
    max_closing: float = 0.5
    max_followed: float = 0.5
    persistence: int = 3

    def check(self, history: RunHistory) -> Outcome:
        """Compare where validation was best with where it ended."""
        training = training_loss(history)
        loss, metric = validation_loss(history), quality(history, "validation")
        if training is None or (loss is None and metric is None):
            return self.abstained(
                "too few validations", "validate at least a dozen times, with on_validation_end"
            )
        limits = self._limits()
        rises = [rise_of(training, one, limits) for one in (loss, metric) if one is not None]
        guilty = self._guilty(rises)
        evidence = self._evidence(training, guilty)
        is_worse = _is_worse(guilty)
        if is_worse and not self._only_overconfident(guilty, rises):
            return self._report(history, training, guilty.measured, evidence)
        if loss is None:
            return self.passed(*evidence)
        last = len(loss.curve.levels) if is_worse else self.persistence
        gap = self._gap(history, training, loss, last)
        return self._report_gap(history, training, loss, gap) if gap else self.passed(*evidence)

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

    def _gap(
        self, history: RunHistory, training: MeasuredCourse, loss: MeasuredCourse, last: int
    ) -> Evidence | None:
        """Return how much of what training gained is missing in validation, where it is much."""
        if history.is_running:
            return None
        known = reference_level(history)
        if known is not None and known.kind == "chance":
            level, words, least, most = known.level, known.words, self.min_gap, np.inf
        elif training.series.axis is Axis.EPOCH:
            level = max(training.curve.start, loss.curve.start)
            words, least, most = "the first row", self.min_gap_of_rows, self.max_followed
            last = len(loss.curve.levels)
        else:
            return None
        gap = generalisation_gap(training.series, training.curve, loss.curve, level, last)
        is_clear = gap.noise >= self.min_noise and gap.gained >= self.min_gap_gain
        is_open = gap.share >= least and gap.closing <= self.max_closing
        if not is_clear or not is_open or gap.followed > most:
            return None
        words = f"gap to the training loss, as a share of what that gained below {words}"
        return Evidence(loss.series.key, words, gap.share, least, loss.series.span)

    def _guilty(self, rises: list[Rise]) -> Rise:
        """Return the loss, or the metric where there is none or where both turned round."""
        first, metric = rises[0], rises[-1]
        if metric is first or _is_worse(replace(first, is_confirmed=False)):
            return first
        both = replace(metric, noise=float(np.hypot(first.noise, metric.noise)))
        return both if first.is_near and _is_worse(both) else first

    def _only_overconfident(self, guilty: Rise, rises: list[Rise]) -> bool:
        """Whether the loss rose while what it stands for stayed within noise of its best."""
        metric = rises[-1]
        holds = metric.noise < self.min_noise or metric.turn.share < self.min_loss_of_metric
        counts = metric.measured.counts_classes and metric.turn.has_improved
        return guilty is rises[0] and metric is not guilty and counts and holds

    def _evidence(self, training: MeasuredCourse, judged: Rise) -> tuple[Evidence, ...]:
        series, curve = judged.measured.series, judged.measured.curve
        change = "fall below its best" if judged.measured.is_negated else "rise above its best"
        whose = "it had gained" if judged.turn.is_of_own_range else "training had gained"
        window = (curve.best_step, float(series.steps[-1]))
        return (
            Evidence(
                series.key,
                f"{change}, as a share of what {whose}",
                judged.turn.share,
                judged.least_share,
                window,
            ),
            Evidence(
                series.key,
                f"{change}, in standard deviations of its noise",
                judged.noise,
                judged.least_noise,
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


def _is_worse(rise: Rise) -> bool:
    """Whether it rose far; a metric must have improved before, too."""
    return rise.is_far and (rise.measured.name == "loss" or rise.turn.has_improved)


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
        fixes += [label_smoothing(), mix_samples()]
    return (*fixes, smaller_model(history))
