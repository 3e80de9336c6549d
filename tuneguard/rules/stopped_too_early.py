"""TG106: the run was still improving when it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tuneguard.chance import reference_level
from tuneguard.findings import Evidence, Finding, Outcome, Severity, View
from tuneguard.history import Axis, Role, RunHistory
from tuneguard.prescriptions.orders import for_an_early_end
from tuneguard.rule import Requirement, Rule
from tuneguard.shortfall import final_rate, progress_of_training, progress_of_validation
from tuneguard.statistics.extrapolation import Extrapolation, LatePace, late_pace
from tuneguard.statistics.outlook import (
    Outlook,
    extrapolated,
    fall_between_halves,
    is_best_each_time,
    late_fall_in_rates,
    worthwhile,
)
from tuneguard.statistics.splits import MeasuredCourse, quality, training_loss, validation_loss

_FEWEST = 5
_FEWEST_FOR_CURVES = 10
_AT_ITS_PACE = 3.0  # times as long: no fall keeps its pace
_TINY = 1e-300


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
        where that is longer, as its first point comes late.

        Where the curves cannot tell, as in a run that has only begun to fall, the pace of the
        second half speaks: kept up for a second run's length, it must gain at least
        ``min_pace`` of the progress in training and in validation, both at new lows, by
        ``min_noise`` standard deviations, and the pace at the end must be at least ``min_kept``
        of that before. With fewer than ten training losses there must be a validation.

        A run of fewer than ``few_steps`` that began at chance level has seen too little for
        either. Of that it is enough that it ended above ``min_left`` of chance level, its last
        loss the lowest, having fallen by ``min_fall`` of the progress over the second half.

        Rows of one an epoch may be too noisy to show the pace of training. Where each validation
        was the best so far, it is enough that training fell from half to half by ``min_noise``.

        A run whose learning rate ended at or below ``max_final_rate`` of its highest has finished
        its schedule: nothing is said, unless in rows both losses fell by ``min_steady`` of all
        their way in the later half of what the rates add up to: they had not begun to settle.

    When it is wrong:
        A learning rate that is far too low looks the same. A curve that bends later than the
        fitted ones, or right after the end, gains less than is predicted.

    References:
        Domhan et al. (2015), Speeding Up Automatic Hyperparameter Optimization by Extrapolation
        of Learning Curves.
        Godbole et al. (2023), Deep Learning Tuning Playbook.
    """

    id: ClassVar[str] = "TG106"
    name: ClassVar[str] = "stopped-too-early"
    default_severity: ClassVar[Severity] = Severity.WARNING
    requires: ClassVar[tuple[Requirement, ...]] = (
        Requirement((Role.TRAIN_LOSS, Role.TRAIN_EVALUATION_LOSS), min_points=_FEWEST),
    )

    min_share: float = 0.15
    much_share: float = 0.2
    min_noise: float = 3.0
    max_final_rate: float = 0.2
    min_pace: float = 0.7
    min_kept: float = 0.25
    min_left: float = 0.15
    min_fall: float = 0.05
    few_steps: float = 120.0
    min_steady: float = 0.6

    def check(self, history: RunHistory) -> Outcome:
        """Say whether both losses would fall much further in a run of twice the length."""
        if history.is_running:
            return self.abstained("the run has not ended yet")
        at_end = final_rate(history, self.max_final_rate)
        if at_end is not None and at_end.value <= at_end.threshold:
            return self._by_rates(history) or self.passed(at_end)
        outcome = self._by_curves(history)
        if isinstance(outcome, Finding) and outcome.severity is not Severity.INFO:
            return outcome
        return self._by_pace(history) or self._by_length(history) or outcome

    def _by_curves(self, history: RunHistory) -> Outcome:
        training = training_loss(history, min_points=_FEWEST_FOR_CURVES)
        ahead = extrapolated(training, 2.0) if training is not None else None
        if training is None or ahead is None:
            return self.abstained("no saturating curve describes the training loss")
        progress = progress_of_training(history, training)
        evidence = [*self._evidence(training, ahead, progress, 1.0)]
        shown, most = training, ahead
        validation = validation_loss(history) or quality(history, "validation")
        if validation is not None:
            further = extrapolated(validation, 2.0)
            if further is None:
                return self.passed(*evidence)
            gained = progress_of_validation(validation, progress)
            evidence += self._evidence(validation, further, gained, 0.5)
            shown, most = validation, further
        if any(one.value < one.threshold for one in evidence):
            return self.passed(*evidence)
        unit, last = shown.series.axis.value, shown.series.span[1]
        text = (
            f"The {_title(shown, training)} was still improving when the run ended at {unit} "
            f"{last:g}: another {last:g} {unit}s would gain {most.low:.3g} to {most.high:.3g}, at "
            f"least {evidence[0].value:.0%} of the training loss's progress so far."
        )
        is_much = evidence[0].value >= self.much_share
        outlook = Outlook(text, *worthwhile(shown), is_much)
        return self._report(history, training, shown, outlook, evidence)

    def _by_pace(self, history: RunHistory) -> Finding | None:
        training = training_loss(history, min_points=_FEWEST)
        validation = validation_loss(history, _FEWEST) or quality(history, "validation", _FEWEST)
        if training is None or (validation is None and training.curve.points < _FEWEST_FOR_CURVES):
            return None
        shown = validation or training
        pace, progress = late_pace(*shown.falling()), progress_of_training(history, training)
        of_training = self._pace_of_training(training, shown, progress)
        if pace is None or of_training is None:
            return None
        evidence = [*of_training]
        if shown is not training:
            gained = progress_of_validation(shown, progress)
            evidence += self._pace_evidence(shown, pace, gained)
        kept = "pace at the end over that in the middle of the second half"
        window = shown.second_half
        evidence.append(Evidence(shown.series.key, kept, pace.kept, self.min_kept, window))
        if any(one.value < one.threshold for one in evidence):
            return None
        unit, last = shown.series.axis.value, shown.series.span[1]
        name = _title(shown, training)
        text = (
            f"The {name} fell until the run ended at {unit} {last:g}: at the pace of the second "
            f"half, as long again would gain {evidence[-3].value:.0%} of the training loss's "
            "progress so far."
        )
        outlook = Outlook(text, _AT_ITS_PACE, pace.fall, is_much=True)
        return self._report(history, training, shown, outlook, evidence)

    def _pace_of_training(
        self, training: MeasuredCourse, shown: MeasuredCourse, progress: float
    ) -> tuple[Evidence, ...] | None:
        """Measure the pace of training; where its rows are too noisy for that, whether it fell."""
        pace = late_pace(*training.falling())
        proof = self._pace_evidence(training, pace, progress) if pace is not None else None
        is_enough = proof is not None and all(one.value >= one.threshold for one in proof)
        is_of_rows = training.series.axis is Axis.EPOCH and shown is not training
        if is_enough or not is_of_rows or not is_best_each_time(shown):
            return proof
        words = "fall from the first half to the second, in standard deviations of the noise"
        noise = max(2.0**0.5 * training.curve.level_noise, _TINY)
        fall, series = fall_between_halves(training) / noise, training.series
        return (Evidence(series.key, words, fall, self.min_noise, series.span),)

    def _by_rates(self, history: RunHistory) -> Finding | None:
        """Say that a schedule ended before the losses in its rows did."""
        rate, training = history.get(Role.LEARNING_RATE), training_loss(history)
        validation = validation_loss(history)
        if rate is None or training is None or validation is None:
            return None
        if training.series.axis is not Axis.EPOCH:
            return None
        progress, evidence = training.curve.gained, []
        words = "fall in the later half of what the learning rates add up to, "
        for one in (training, validation):
            fall = late_fall_in_rates(one, rate)
            if fall is None:
                return None
            share = fall / max(progress, one.curve.gained, _TINY)
            sure = fall / max(2.0**0.5 * one.curve.level_noise, _TINY)
            key, span = one.series.key, one.series.span
            evidence += [
                Evidence(key, f"{words}as a share of all", share, self.min_steady, span),
                Evidence(key, f"{words}in standard deviations", sure, self.min_noise, span),
            ]
        if any(one.value < one.threshold for one in evidence):
            return None
        text = (
            "The learning rate was gone before the loss had settled: the later half of what the "
            f"rates add up to brought {evidence[2].value:.0%} of the progress in "
            f"{_title(validation, training)}, up to {training.series.axis.value} "
            f"{training.series.span[1]:g}."
        )
        outlook = Outlook(text, _AT_ITS_PACE, evidence[2].value * progress, is_much=True)
        return self._report(history, training, validation, outlook, evidence)

    def _by_length(self, history: RunHistory) -> Finding | None:
        """Say that a run of so few steps cannot have got there, if its loss was still falling."""
        training = training_loss(history, min_points=_FEWEST)
        reference = reference_level(history)
        if training is None or reference is None or reference.kind != "chance":
            return None
        if training.series.axis is not Axis.STEP:
            return None
        shown = validation_loss(history, _FEWEST) or training
        steps, values = shown.curve.steps, shown.curve.levels
        if shown is not training:
            steps, values = shown.falling()
        first, last = training.series.span
        if last >= self.few_steps or values[-1] > values.min():
            return None
        fall = float(np.interp(0.5 * (steps[0] + steps[-1]), steps, values) - values[-1])
        left, key = shown.curve.end / reference.level, shown.series.key
        words = "fall over the second half, as a share of the training loss's progress"
        share = fall / max(progress_of_training(history, training), _TINY)
        at_end = f"level at the end over {reference.words}"
        evidence = [
            Evidence(key, at_end, left, self.min_left, shown.series.span),
            Evidence(key, words, share, self.min_fall, shown.second_half),
        ]
        if any(one.value < one.threshold for one in evidence):
            return None
        text = (
            f"The {_title(shown, training)} was still falling when the run ended, after "
            f"{last - first + 1:g} steps from chance level, at {left:.0%} of that."
        )
        outlook = Outlook(text, _AT_ITS_PACE, fall, is_much=True)
        return self._report(history, training, shown, outlook, evidence)

    def _pace_evidence(
        self, measured: MeasuredCourse, pace: LatePace, gained: float
    ) -> tuple[Evidence, ...]:
        key, window = measured.series.key, measured.second_half
        noise = max(2.0**0.5 * measured.curve.level_noise, _TINY)
        share = "gain in a run twice as long at its late pace, as a share of the progress made"
        fall = "fall within the second half, in standard deviations of the noise"
        return (
            Evidence(key, share, pace.fall / max(gained, _TINY), self.min_pace, window),
            Evidence(key, fall, pace.drop / noise, self.min_noise, window),
        )

    def _evidence(
        self, measured: MeasuredCourse, ahead: Extrapolation, gained: float, part: float
    ) -> tuple[Evidence, ...]:
        key, span = measured.series.key, measured.series.span
        least = "least gain in a run twice as long, as a share of the progress made"
        likely = "predicted gain in a run twice as long, in standard deviations of the noise"
        noise = max(measured.curve.level_noise, ahead.noise, _TINY)
        return (
            Evidence(key, least, ahead.low / max(gained, _TINY), part * self.min_share, span),
            Evidence(key, likely, ahead.gain / noise, self.min_noise, span),
        )

    def _report(
        self,
        history: RunHistory,
        training: MeasuredCourse,
        shown: MeasuredCourse,
        outlook: Outlook,
        evidence: list[Evidence],
    ) -> Finding:
        return self.found(
            outlook.text,
            "The run does not show what the model can do.",
            tuple(evidence),
            confidence=0.8 if outlook.is_much else 0.5,
            severity=self.default_severity if outlook.is_much else Severity.INFO,
            prescriptions=for_an_early_end(
                history, shown.series, outlook.factor, outlook.gain, _title(shown, training)
            ),
            view=View(
                (training.series.key, *(() if shown is training else (shown.series.key,))),
                span=shown.second_half,
            ),
        )


def _title(shown: MeasuredCourse, training: MeasuredCourse) -> str:
    return f"{'training' if shown is training else 'validation'} {shown.name}"
