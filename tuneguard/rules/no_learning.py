"""TG404: the loss stays where it began."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from tuneguard.chance import Reference, reference_level
from tuneguard.findings import Abstained, Evidence, Finding, Outcome, Severity, View
from tuneguard.history import Axis, Role, RunHistory, Series
from tuneguard.prescriptions.orders import for_no_learning
from tuneguard.rule import Requirement, Rule
from tuneguard.statistics.curve import Curve, course
from tuneguard.statistics.robust import noise_scale
from tuneguard.statistics.trend import trend
from tuneguard.symptoms import MISJUDGED_VALIDATION, STANDSTILL

_FEWEST_DOWN = 10
_ACCURACIES = frozenset({"acc", "accuracy", "top1"})


@dataclass(frozen=True)
class NoLearning(Rule):
    """The training loss stays at the level of a model that has learned nothing.

    What it detects:
        A training loss that never leaves chance level, or never measurably falls.

    Why it matters:
        The run shows nothing but its initialisation; more of it will show no more.

    How it decides:
        Where chance level is known (``ln C`` of a classification whose first loss agrees with
        it), the loss stayed above ``min_share_of_chance`` of it in every level of the second
        half of the run; while a run goes on, that takes losses of ``min_points`` steps. Otherwise
        the first loss is the reference, and the second half of the run must lie less than
        ``min_noise`` standard deviations of a level below it, which takes ``min_points`` points
        from the first steps on; a loss that came down by ``min_noise``
        standard deviations of its points, and then rose further above its start than that, was
        learning once. Where noise leaves room for a fall by ``max_unseen`` of a positive first
        loss, nobody can tell. A loss that never changes at all is found
        in either case, and so is a validation loss that stays the same to within ``max_change``
        of itself over ``min_validations`` validations or more, while the training loss does not
        fall by ``min_noise`` standard deviations: the batches differ, the weights do not. Runs
        whose validation metric improved are left alone.

    When it is wrong:
        Some tasks stay on a long plateau before they are learned. Fine-tuning may start where
        nothing is left to learn.

    References:
        Karpathy (2019), A Recipe for Training Neural Networks.
    """

    id: ClassVar[str] = "TG404"
    name: ClassVar[str] = "no-learning"
    default_severity: ClassVar[Severity] = Severity.CRITICAL
    requires: ClassVar[tuple[Requirement, ...]] = (
        Requirement((Role.TRAIN_LOSS, Role.TRAIN_EVALUATION_LOSS), min_points=5),
    )
    explains: ClassVar[frozenset[str]] = (
        STANDSTILL | MISJUDGED_VALIDATION | {"learning-rate-oscillation"}
    ) - {"learning-rate-too-low", "no-learning"}
    judges_learning: ClassVar[bool] = True

    min_share_of_chance: float = 0.93
    min_noise: float = 4.0
    min_points: int = 50
    max_unseen: float = 0.25
    max_change: float = 1e-4
    min_validations: int = 5

    def check(self, history: RunHistory) -> Outcome:
        """Compare the second half of the run with a model that has learned nothing."""
        series = history.get(Role.TRAIN_LOSS) or history.get(Role.TRAIN_EVALUATION_LOSS)
        curve = course(series) if series is not None else None
        if series is None or curve is None:
            return self.abstained("too few finite losses")
        if np.ptp(series.finite().values) == 0.0:
            evidence = Evidence(series.key, "range of the loss", 0.0, 0.0, series.span)
            return self._report(history, series, evidence, "never changed at all", 0.95)
        unmoved = self._unmoved(history, curve)
        if unmoved is not None:
            words = "did not fall, and validation loss stayed the same to the last digits,"
            return self._report(history, series, unmoved, words, 0.95)
        reference = reference_level(history)
        second_half = curve.after(0.5)
        if len(second_half) == 0:
            return self.abstained("the run has no second half yet")
        if reference is not None and reference.kind == "chance":
            return self._against_chance(history, series, second_half, reference)
        return self._against_start(history, series, curve, second_half)

    def _unmoved(self, history: RunHistory, curve: Curve) -> Evidence | None:
        """Return the proof that the weights stayed as they were, where validation shows it."""
        validation = history.get(Role.VALIDATION_LOSS)
        if validation is None or len(validation) < self.min_validations:
            return None
        level = abs(float(np.median(validation.values)))
        has_fallen = curve.start - curve.end >= self.min_noise * curve.gain_noise > 0.0
        if not validation.is_finite.all() or level == 0.0 or has_fallen:
            return None
        words = "range of the validation loss, as a share of itself"
        change = float(np.ptp(validation.values)) / level
        proof = Evidence(validation.key, words, change, self.max_change, validation.span)
        return proof if change <= self.max_change else None

    def _against_chance(
        self,
        history: RunHistory,
        series: Series,
        second_half: np.ndarray[tuple[int], np.dtype[np.float64]],
        reference: Reference,
    ) -> Outcome:
        is_early = history.is_running and series.axis is Axis.STEP
        if is_early and series.is_finite.sum() < self.min_points:
            return self.abstained(f"the run goes on, and has fewer than {self.min_points} losses")
        evidence = Evidence(
            series.key,
            f"lowest level of the second half, as a share of {reference.words}",
            float(second_half.min()) / reference.level,
            self.min_share_of_chance,
            (float(series.steps[len(series) // 2]), float(series.steps[-1])),
        )
        is_stuck = evidence.value >= evidence.threshold
        if not is_stuck or _metric_improved(history):
            return self.passed(evidence)
        words = f"stayed above {math.floor(100.0 * evidence.value)} % of {reference.words}"
        found = self._report(history, series, evidence, words, 0.9)
        return replace(found, view=View((series.key,), evidence.steps, threshold=reference.level))

    def _against_start(
        self,
        history: RunHistory,
        series: Series,
        curve: Curve,
        second_half: np.ndarray[tuple[int], np.dtype[np.float64]],
    ) -> Outcome:
        fall = curve.start - float(np.median(second_half))
        spread = max(curve.level_noise, curve.noise / np.sqrt(5.0))
        if curve.points < self.min_points:  # its start is a point or two
            spread = max(spread, curve.gain_noise)
        spread = max(spread, 1e-12 * max(abs(curve.start), 1e-300))
        evidence = Evidence(
            series.key,
            "fall from the first losses to the second half, in standard deviations",
            fall / spread,
            self.min_noise,
            series.span,
        )
        has_fallen = evidence.value >= evidence.threshold or self._fell_before_it_rose(
            series, curve
        )
        if has_fallen or _metric_improved(history):
            return self.passed(evidence)
        unseen = (
            self.min_noise * spread / curve.start if series.finite().values.min() > 0.0 else 0.0
        )
        if unseen > self.max_unseen:
            return self.abstained(
                f"the loss is so noisy that a fall by {unseen:.0%} would not show",
                "record a validation metric such as accuracy",
            )
        return self._too_short(series) or self._report(
            history, series, evidence, "never fell measurably below its first values", 0.6
        )

    def _fell_before_it_rose(self, series: Series, curve: Curve) -> bool:
        """Whether the loss came down by more than noise, and then rose further above its start."""
        finite = series.finite()
        way_down = finite.values[finite.steps <= curve.best_step]
        rise = float(np.median(curve.after(0.5))) - curve.start
        is_known = len(way_down) >= _FEWEST_DOWN and rise >= curve.gained
        return is_known and curve.gained >= self.min_noise * noise_scale(way_down) > 0.0

    def _too_short(self, series: Series) -> Abstained | None:
        """Epoch averages and short runs begin after most was learned: they show no start."""
        is_early = series.axis is Axis.STEP and series.positions[0] <= 0.02
        if is_early and len(series) >= self.min_points:
            return None
        return self.abstained(
            "the loss was not recorded from the first steps on",
            "record train/loss at every step, and pass num_classes for a classification",
        )

    def _report(
        self, history: RunHistory, series: Series, evidence: Evidence, words: str, sure: float
    ) -> Finding:
        return self.found(
            f"Training loss {words} from {series.axis.value} {evidence.steps[0]:g} on.",
            "The run shows nothing but its initialisation.",
            (evidence,),
            confidence=sure,
            prescriptions=for_no_learning(history),
            view=View(tuple(dict.fromkeys((series.key, evidence.metric))), span=evidence.steps),
        )


def _metric_improved(history: RunHistory) -> bool:
    """Whether a metric on either split improved beyond its noise."""
    for metric in history.metrics:
        series = history.series[metric.key].finite()
        values = series.values if metric.higher_is_better else -series.values
        if len(values) < 5:
            continue
        rise = trend(series.steps, values)
        spread = float(np.std(np.diff(values))) / np.sqrt(2.0)
        if rise.z >= 3.0 and rise.change >= 4.0 * spread:
            return True
        if metric.name in _ACCURACIES and _is_above_chance(values, history):
            return True
    return False


def _is_above_chance(
    accuracies: np.ndarray[tuple[int], np.dtype[np.float64]], history: RunHistory
) -> bool:
    """Whether the accuracy of the second half was at least twice that of a uniform guess."""
    classes = history.hyperparameters.num_classes or history.hyperparameters.output_units
    if not classes:
        return False
    half = accuracies[len(accuracies) // 2 :]
    return float(np.median(half)) >= min(2.0 / classes, 0.5 + 0.5 / classes)
