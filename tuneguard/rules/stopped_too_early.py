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
from tuneguard.statistics.extrapolation import Extrapolation, LatePace, extrapolate, late_pace
from tuneguard.statistics.splits import MeasuredCourse, quality, training_loss, validation_loss

_FACTORS = (2.0, 3.0, 4.0, 6.0)
_FEWEST = 5
_FEWEST_FOR_CURVES = 10
_AT_ITS_PACE = 3.0  # times as long: no fall keeps its pace
_TINY = 1e-300
_FAR_ABOVE = 1.5
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
        where that is longer, as its first point comes late.

        Where the curves cannot tell, as in a run that has only begun to fall, the pace of the
        second half speaks: kept up for a second run's length, it must gain at least
        ``min_pace`` of the progress in training and in validation, both at new lows, by
        ``min_noise`` standard deviations, and the pace at the end must be at least ``min_kept``
        of that before. With fewer than ten training losses there must be a validation. It is a
        warning where the run was shorter than ``short_steps`` or ``short_epochs``: a longer one
        that only then begins to learn was held up by something else, and is left with advice.

        A run of fewer than ``few_steps`` that began at chance level has seen too little for
        either. Of that it is enough that it ended above ``min_left`` of chance level, its last
        loss the lowest, having fallen by ``min_fall`` of the progress over the second half.

        A run whose learning rate ended at or below ``max_final_rate`` of its highest has finished
        its schedule: nothing is said.

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

    def check(self, history: RunHistory) -> Outcome:
        """Say whether both losses would fall much further in a run of twice the length."""
        if history.is_running:
            return self.abstained("the run has not ended yet")
        final_rate = _final_rate(history, self.max_final_rate)
        if final_rate is not None and final_rate.value <= final_rate.threshold:
            return self.passed(final_rate)
        outcome = self._by_curves(history)
        if isinstance(outcome, Finding) and outcome.severity is not Severity.INFO:
            return outcome
        return self._by_pace(history) or self._by_length(history) or outcome

    def _by_curves(self, history: RunHistory) -> Outcome:
        training = training_loss(history, min_points=_FEWEST_FOR_CURVES)
        ahead = _doubled(training)
        if training is None or ahead is None:
            return self.abstained("no saturating curve describes the training loss")
        progress = _progress(history, training)
        evidence = [*self._evidence(training, ahead, progress, 1.0)]
        shown, most = training, ahead
        validation = validation_loss(history) or quality(history, "validation")
        if validation is not None:
            further = _doubled(validation)
            if further is None:
                return self.passed(*evidence)
            gained = _progress_of_validation(validation, progress)
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
        outlook = _Outlook(text, *_worthwhile(shown), is_much)
        return self._report(history, training, shown, outlook, evidence)

    def _by_pace(self, history: RunHistory) -> Finding | None:
        training = training_loss(history, min_points=_FEWEST)
        validation = validation_loss(history, _FEWEST) or quality(history, "validation", _FEWEST)
        if training is None or (validation is None and training.curve.points < _FEWEST_FOR_CURVES):
            return None
        shown = validation or training
        pace, pace_in_training = late_pace(*shown.falling()), late_pace(*training.falling())
        if pace is None or pace_in_training is None:
            return None
        progress = _progress(history, training)
        evidence = [*self._pace_evidence(training, pace_in_training, progress)]
        if shown is not training:
            gained = _progress_of_validation(shown, progress)
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
            f"half, as long again would gain {evidence[0].value:.0%} of the training loss's "
            "progress so far."
        )
        outlook = _Outlook(text, _AT_ITS_PACE, pace.fall, is_much=True)
        return self._report(history, training, shown, outlook, evidence)

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
        share = fall / max(_progress(history, training), _TINY)
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
        outlook = _Outlook(text, _AT_ITS_PACE, fall, is_much=True)
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
        outlook: _Outlook,
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


@dataclass(frozen=True, slots=True)
class _Outlook:
    """What is said of a longer run: how many times as long, and what it gains."""

    text: str
    factor: float
    gain: float
    is_much: bool


def _progress(history: RunHistory, training: MeasuredCourse) -> float:
    """Return how far training came down: from chance level, where it began far above that."""
    reference, curve = reference_level(history), training.curve
    if reference is None or reference.kind != "chance" or training.series.axis is not Axis.STEP:
        return curve.gained
    is_above = curve.start > _FAR_ABOVE * reference.level > _FAR_ABOVE * curve.best
    return reference.level - curve.best if is_above else curve.gained


def _progress_of_validation(validation: MeasuredCourse, of_training: float) -> float:
    """Return its progress: a validation loss is measured by the longer, as it begins late."""
    if validation.name != "loss":
        return validation.curve.gained
    return max(validation.curve.gained, of_training)


def _title(shown: MeasuredCourse, training: MeasuredCourse) -> str:
    return f"{'training' if shown is training else 'validation'} {shown.name}"


def _doubled(measured: MeasuredCourse | None) -> Extrapolation | None:
    return _extrapolated(measured, 2.0) if measured is not None else None


def _extrapolated(measured: MeasuredCourse, factor: float) -> Extrapolation | None:
    steps, values = measured.falling()
    return extrapolate(steps, values, float(steps[0] + factor * (steps[-1] - steps[0])))


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
