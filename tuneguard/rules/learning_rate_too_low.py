"""TG303: steps so short that the run hardly gets anywhere."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tuneguard import keys
from tuneguard.chance import Reference, reference_level
from tuneguard.findings import Evidence, Outcome, Severity, View
from tuneguard.history import Axis, Role, RunHistory, Series
from tuneguard.prescriptions.orders import for_short_steps
from tuneguard.rule import Requirement, Rule
from tuneguard.statistics.curve import Curve, course
from tuneguard.statistics.rate_course import in_rates
from tuneguard.statistics.robust import running_median
from tuneguard.statistics.weighted import weighted_median

_FEWEST_STEPS, _FEWEST_EPOCHS = 100, 10
_USUAL_RATE = {"adam": 5e-5, "rmsprop": 5e-5, "sgd": 1e-2}
_NEAR_CHANCE = (0.7, 1.15)


@dataclass(frozen=True)
class LearningRateTooLow(Rule):
    """The loss creeps down from chance level by steps far too short for the weights.

    What it detects:
        A run that does what it should, only far too slowly: every step is downhill, none is long
        enough to matter.

    Why it matters:
        The budget is spent on a small part of the way. Nothing else looks wrong, so such runs
        are often put down to the model or to the data.

    How it decides:
        Start and end: the loss began at chance level, never rose above ``max_start`` of it, and
        ended above ``min_end`` of it. Course: of all that it came down, at least ``min_pace``
        was between the last two quarters of the run (a straight line has a quarter there, a run
        that settles nothing), or of what all its learning rates add up to, so that a schedule
        which ends low does not look like a run that settles; a loss that came down by less than
        ``max_unmoved`` of chance level, or by updates below ``max_tiny_ratio`` of the weights,
        has no course yet. Steps, while the learning rate was above half of its peak: the median
        update to weight ratio is below ``max_update_ratio``, or below ``max_short_ratio`` while
        the gradient after a step still points against it by a cosine of ``max_cosine`` or less,
        or below ``max_far_ratio`` at one of ``max_cosine_alone``: the step ended far short of the
        lowest point along its way. Where nothing at all is updated, it is not for want of length.
        Where chance level is not known, only the last of these counts. Where no updates are
        recorded, the loss must end above ``min_end_alone`` and the learning rate be below what
        its kind of optimizer ever needs.

    When it is wrong:
        A large pretrained model is fine-tuned by short steps on purpose; its loss does not begin
        at chance level. A run that was cut off in its first minutes looks like one that is slow.

    References:
        Goodfellow, Bengio & Courville (2016), Deep Learning, section 11.4.1. Karpathy (2019), A
        Recipe for Training Neural Networks, on update to weight ratios of about 1e-3.
    """

    id: ClassVar[str] = "TG303"
    name: ClassVar[str] = "learning-rate-too-low"
    default_severity: ClassVar[Severity] = Severity.WARNING
    explains: ClassVar[frozenset[str]] = frozenset(
        {"no-learning", "stopped-too-early", "underfitting"}
    )
    requires: ClassVar[tuple[Requirement, ...]] = (Requirement((Role.TRAIN_LOSS,), min_points=10),)

    max_start: float = 1.15
    min_end: float = 0.3
    min_end_alone: float = 0.75
    min_pace: float = 0.14
    max_unmoved: float = 0.03
    max_update_ratio: float = 3e-4
    max_short_ratio: float = 1e-3
    max_far_ratio: float = 4e-3
    max_tiny_ratio: float = 5e-5
    max_cosine: float = -0.2
    max_cosine_alone: float = -0.35

    def check(self, history: RunHistory) -> Outcome:
        """Look at where the loss is, at its course, and at the length of the steps."""
        loss = history.get(Role.TRAIN_LOSS)
        curve = course(loss) if loss is not None else None
        reference = _reference(history)
        if loss is None or curve is None or reference is None:
            reason = "nobody can say where the loss of a model that knows nothing lies"
            return self.abstained(reason, "record the loss from the first step, and num_classes")
        excuse = _excuse(history, loss, curve)
        if excuse is not None:
            return self.abstained(excuse)
        course_of_loss = self._course_of_loss(history, loss, curve, reference)
        steps = self._short_steps(history, reference)
        if steps is None:
            return self.abstained(
                "neither updates nor the learning rate of a known optimizer are recorded",
                "attach the callback: it records update ratios",
            )
        if steps[0].metric != loss.key and steps[0].value == 0.0:
            return self.abstained("nothing was updated at all, which is another matter")
        if reference.kind == "chance" and steps[0].value <= self.max_tiny_ratio:
            course_of_loss = course_of_loss[:2]
        evidence = (*course_of_loss, *steps)
        if not all(self._is_wrong(one) for one in evidence):
            return self.passed(*evidence)
        return self._report(history, loss, evidence)

    def _course_of_loss(
        self, history: RunHistory, loss: Series, curve: Curve, reference: Reference
    ) -> tuple[Evidence, ...]:
        """Measure where the loss was at first and in the end, and how steadily it fell."""
        finite = loss.finite()
        half = finite.values[finite.positions <= 0.5]
        peak = float(running_median(half, 3).max()) if len(half) else math.inf
        span = (float(loss.steps[0]), float(loss.steps[-1]))
        is_unmoved = curve.gained < self.max_unmoved * reference.level
        pace = (
            Evidence(
                loss.key,
                "fall between the last two quarters, as a share of the whole fall",
                max(_late_fall(curve), _late_fall(_in_rates(history, curve))),
                self.min_pace,
                span,
            ),
        )
        start = Evidence(
            loss.key,
            f"highest level of the first half over {reference.words}",
            peak / reference.level,
            self.max_start,
            span,
        )
        end = Evidence(
            loss.key,
            f"level at the end over {reference.words}",
            curve.end / reference.level,
            self.min_end,
            span,
        )
        parts = (end,) if reference.kind == "start" else (start, end)
        return (*parts, *(() if is_unmoved else pace))

    def _short_steps(
        self, history: RunHistory, reference: Reference
    ) -> tuple[Evidence, ...] | None:
        """Measure how short the steps are, by the strictest evidence that is recorded."""
        ratio = _at_full_rate(history, history.get(Role.UPDATE_RATIO))
        if ratio is None:
            return self._low_rate(history, reference)
        words = "median update to weight ratio while the learning rate was high"
        size = Evidence(ratio.key, words, _median(ratio), self.max_update_ratio, ratio.span)
        along = _at_full_rate(history, _series(history, keys.COSINE_TO_UPDATE))
        is_of_start = reference.kind == "start"
        if along is None or (size.value <= size.threshold and not is_of_start):
            return None if is_of_start else (size,)
        limit = self.max_cosine_alone if is_of_start else self.max_cosine
        words = "median cosine between a gradient and the update before it"
        cosine = Evidence(along.key, words, _median(along), limit, along.span)
        is_far = cosine.value <= self.max_cosine_alone
        return replace(
            size, threshold=self.max_far_ratio if is_far else self.max_short_ratio
        ), cosine

    def _low_rate(self, history: RunHistory, reference: Reference) -> tuple[Evidence, ...] | None:
        """Hold the learning rate against what its kind of optimizer needs at least."""
        known, loss = history.hyperparameters, history.get(Role.TRAIN_LOSS)
        curve = course(loss) if loss is not None else None
        if known.learning_rate is None or known.optimizer is None or reference.kind == "start":
            return None
        name = known.optimizer.lower()
        usual = next((rate for kind, rate in _USUAL_RATE.items() if kind in name), None)
        if usual is None or loss is None or curve is None:
            return None
        rate = known.learning_rate / (1.0 - min(known.momentum or 0.0, 0.99))
        return (
            Evidence(
                loss.key,
                f"level at the end over {reference.words}",
                curve.end / reference.level,
                self.min_end_alone,
                loss.span,
            ),
            Evidence(loss.key, "learning rate over one less momentum", rate, usual, loss.span),
        )

    @staticmethod
    def _is_wrong(evidence: Evidence) -> bool:
        is_upper = evidence.statistic.startswith(("level at the end", "fall between"))
        if is_upper:
            return evidence.value >= evidence.threshold
        return evidence.value <= evidence.threshold

    def _report(
        self, history: RunHistory, loss: Series, evidence: tuple[Evidence, ...]
    ) -> Outcome:
        end = next(one for one in evidence if one.statistic.startswith("level at the end"))
        short = evidence[-1]
        ratio = next((one for one in evidence if "update to weight" in one.statistic), None)
        return self.found(
            f"The loss fell steadily but ended at {end.value:.0%} of "
            f"{end.statistic.removeprefix('level at the end over ')}: "
            f"the {short.statistic} was {short.value:.2g}.",
            "At this pace the run does not get there: the steps are too short for the weights.",
            evidence,
            confidence=0.85 if ratio is not None else 0.6,
            prescriptions=for_short_steps(history, ratio.value if ratio is not None else None),
            view=View(
                (loss.key, *((ratio.metric,) if ratio is not None else ())),
                span=loss.span,
                log_scale=False,
            ),
        )


def _reference(history: RunHistory) -> Reference | None:
    """Return what the loss is held against; of means over epochs, chance level if declared."""
    found = reference_level(history)
    loss, classes = history.get(Role.TRAIN_LOSS), history.hyperparameters.num_classes
    if found is not None or loss is None or loss.axis is not Axis.EPOCH or not classes:
        return found
    chance = math.log(max(classes, 2.0))
    low, high = _NEAR_CHANCE
    is_near = len(loss) > 0 and low <= loss.values[0] / chance <= high
    return Reference(chance, "chance", f"chance level, ln {classes:.0f}") if is_near else None


def _excuse(history: RunHistory, loss: Series, curve: Curve) -> str | None:
    """Say why short steps cannot be told, or `None` if they can."""
    fewest = _FEWEST_EPOCHS if loss.axis is Axis.EPOCH else _FEWEST_STEPS
    if len(loss) < (2 * fewest if history.is_running else fewest):
        return "the run is too short to have got anywhere"
    if curve.start <= 0.0 or not np.isfinite(loss.values).all():
        return "the loss is not positive and finite"
    clipping = _series(history, keys.CLIPPING_FACTOR)
    if clipping is not None and len(clipping.finite()) and _median(clipping) < 0.5:
        return "the updates are short because they are clipped"
    rate = history.get(Role.LEARNING_RATE)
    return _excuse_of_schedule(history, rate.finite().values) if rate is not None else None


def _excuse_of_schedule(history: RunHistory, values: NDArray[np.float64]) -> str | None:
    """Say why the learning rate is to be short now, or `None` if it is not."""
    if len(values) == 0:
        return None
    if history.is_running and values[-1] > 1.05 * float(np.median(values)):
        return "the learning rate is still being warmed up"
    if float(np.mean(values >= 0.5 * values.max())) < 0.3:
        return "the learning rate was near its peak for a short time only"
    return None


def _at_full_rate(history: RunHistory, series: Series | None) -> Series | None:
    """Return the points at which the learning rate was above half of its peak."""
    rate = history.get(Role.LEARNING_RATE)
    if series is None or not len(series.finite()):
        return None
    finite = series.finite()
    if rate is None or not len(rate.finite()):
        return finite
    known = rate.finite()
    at = np.interp(finite.positions, known.positions, known.values)
    kept = finite.where((at >= 0.5 * known.values.max()) & (finite.positions > 0.05))
    return kept if len(kept) >= 5 else None


def _late_fall(curve: Curve) -> float:
    """Return how much of the fall lies between the last two quarters: 1/4 for a straight line."""
    before, last = (
        curve.levels[(curve.positions > 0.5) & (curve.positions <= 0.75)],
        curve.after(0.75),
    )
    if not len(before) or not len(last) or curve.gained <= 0.0:
        return 0.0
    return float(np.median(before) - np.median(last)) / curve.gained


def _in_rates(history: RunHistory, curve: Curve) -> Curve:
    """Return a course in the time that learning rates add up to."""
    rate = history.get(Role.LEARNING_RATE)
    if rate is None or len(rate.finite()) < len(curve.levels):
        return curve
    positions = in_rates(rate, curve.positions)
    return curve if positions is None else replace(curve, positions=positions)


def _series(history: RunHistory, key: str) -> Series | None:
    return history.series.get(key) or history.series.get(f"{keys.PREFIX}{key}")


def _median(series: Series) -> float:
    return weighted_median(series.finite().values, series.finite().weights)
