"""TG302: steps so long that the run overshoots, or stays stuck half way."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from tuneguard.chance import Reference, chance_at_most, number_of_classes, reference_level
from tuneguard.findings import Evidence, Outcome, Severity, View
from tuneguard.first_steps import largest_first_update
from tuneguard.history import Axis, Role, RunHistory, Series
from tuneguard.prescriptions.orders import for_long_steps
from tuneguard.rule import Requirement, Rule
from tuneguard.statistics.curve import Curve, course
from tuneguard.statistics.noise_floor import held_up_loss
from tuneguard.statistics.robust import running_median
from tuneguard.statistics.weighted import weighted_median
from tuneguard.symptoms import MISJUDGED_VALIDATION, STANDSTILL, UPHEAVAL

_FIRST_STEPS = 20
_FEWEST_SEEN = 200

Proof = tuple[Evidence, ...]


@dataclass(frozen=True)
class LearningRateTooHigh(Rule):
    """The loss overshot its starting level at once and ended there, or stuck with huge updates.

    What it detects:
        Steps so long that the first of them throw the loss above the level of a model that knows
        nothing, where it stays or to which it returns; that leave the model dead at that level or
        replace the initialisation for the worse; or that keep the loss half way down for good.

    Why it matters:
        The weights that such steps leave behind are often worse than the initialisation.

    How it decides:
        Thrown out: smoothed over three steps (rows of one an epoch are means, and are taken as
        they are, ``min_rows`` of them at least), the loss rose above ``min_overshoot`` times the
        reference (chance level where known, else the first loss), or the first loss where that is
        higher, in the run's first half, and at the end it is above ``min_end`` of the reference,
        or not finite; it takes ``min_points`` steps to tell. One of the first 20 updates above
        ``min_first_update`` of the weights, or their median above ``min_first_update_ratio``,
        tells it from a gradient that exploded by itself. In rows, chance level is at most that of
        the classes that the worst accuracy allows for, and the first holds what the
        initialisation cost: the others must rise above it; or, of a classification, the first
        leapt to ``min_leap_of_rows`` times it and the run ended between ``min_mended`` and
        ``min_overshoot`` times it. Replaced: one of the first updates was above
        ``min_replacing`` of the weights, so that little is left of where they began, and the loss
        ended above ``min_stuck`` of the reference or had leapt to ``min_leap`` times it; where a
        decay takes ``max_decay`` of the weights by itself, updates tell nothing. Dead: a
        huge first update, and a loss above ``min_dead`` of chance level all through the second
        half. Stuck: after 200 steps or more the loss ends above ``min_stuck`` of the reference
        and no longer falls, while the noise of the batches times the length of the steps holds up
        ``min_held_up`` of the reference, or ``min_held_up_after_overshoot`` after an overshoot: a
        loss that noisy labels keep up is not held up by the steps. A run that still falls is left
        alone.

    When it is wrong:
        A bad initialisation also starts high, but it comes down. A gradient that explodes in a
        recurrent network overshoots too, while its loss is ordinary. With inputs far off unit
        scale, any rate is too high.

    References:
        Goodfellow, Bengio & Courville (2016), Deep Learning, section 11.4.1. Mandt, Hoffman &
        Blei (2017), Stochastic Gradient Descent as Approximate Bayesian Inference.
    """

    id: ClassVar[str] = "TG302"
    name: ClassVar[str] = "learning-rate-too-high"
    default_severity: ClassVar[Severity] = Severity.CRITICAL
    explains: ClassVar[frozenset[str]] = (STANDSTILL | UPHEAVAL | MISJUDGED_VALIDATION) - {
        "learning-rate-too-high"
    }
    requires: ClassVar[tuple[Requirement, ...]] = (Requirement((Role.TRAIN_LOSS,), min_points=3),)

    min_overshoot: float = 1.3
    min_end: float = 0.85
    min_dead: float = 0.93
    min_stuck: float = 0.25
    min_held_up: float = 0.16
    min_held_up_after_overshoot: float = 0.08
    min_first_update: float = 0.15
    min_first_update_ratio: float = 0.05
    min_replacing: float = 0.5
    min_leap: float = 3.0
    min_leap_of_rows: float = 5.0
    min_mended: float = 0.15
    max_decay: float = 0.1
    min_points: int = 20
    min_rows: int = 8

    def check(self, history: RunHistory) -> Outcome:
        """Look for an overshoot that stayed, or for huge updates that lead nowhere."""
        loss = history.get(Role.TRAIN_LOSS)
        reference = reference_level(history) or chance_at_most(history)
        curve = course(loss) if loss is not None else None
        fewest = self.min_rows if loss is not None and loss.axis is Axis.EPOCH else self.min_points
        if loss is None or len(loss) < fewest:
            return self.abstained(f"fewer than {fewest} losses were recorded")
        if curve is None or reference is None:
            return self.abstained(
                "the loss was not recorded from the first step on, or is not positive",
                "attach the callback before the first step, and pass num_classes",
            )
        if history.is_running and (len(loss) < _FEWEST_SEEN or _still_falls(curve)):
            return self.abstained("the run may still come down")
        overshoot, end = self._overshoot(loss, reference)
        thrown = overshoot
        if loss.axis is Axis.EPOCH:  # the mean of the first holds what the initialisation cost
            thrown, _ = self._overshoot(loss.where(loss.steps > loss.steps[0]), reference)
        first = self._first_updates(history)
        proof = (
            _thrown(thrown, end, first)
            or self._leapt(history, overshoot, end)
            or self._replaced(history, overshoot, end)
            or self._dead(loss, curve, reference, first)
            or self._stuck(history, loss, curve, reference, overshoot)
        )
        if proof is None:
            return self.passed(overshoot, end)
        return self._report(history, loss, reference, proof)

    def _overshoot(self, loss: Series, reference: Reference) -> tuple[Evidence, Evidence]:
        half = loss.where(loss.positions <= 0.5)
        finite = half.finite()
        window = 1 if loss.axis is Axis.EPOCH else 3
        peak = float(running_median(finite.values, window).max()) if len(finite) else np.inf
        top = self._top(loss, reference)
        peak_step = float(finite.steps[int(np.argmax(finite.values))]) if len(finite) else 0.0
        last = loss.values[-max(5, len(loss) // 20) :]
        end = float(np.median(last)) if np.isfinite(last).all() else np.inf
        return (
            Evidence(
                loss.key,
                f"highest level of the first half over {top.words}",
                peak / top.level,
                self.min_overshoot,
                (loss.span[0], max(peak_step, loss.span[0])),
            ),
            Evidence(
                loss.key,
                f"level at the end over {reference.words}",
                end / reference.level,
                self.min_end,
                (float(loss.steps[-len(last)]), float(loss.steps[-1])),
            ),
        )

    @staticmethod
    def _top(loss: Series, reference: Reference) -> Reference:
        """Return the reference, or the first loss where a model begins above what it refers to."""
        first = float(loss.values[0])
        is_above = loss.axis is Axis.STEP and np.isfinite(first) and first > reference.level
        return Reference(first, "start", "the first loss") if is_above else reference

    def _leapt(self, history: RunHistory, overshoot: Evidence, end: Evidence) -> Proof | None:
        """Hold a row of a classification far above chance level and what it led to together.

        A loss that ends far above that level as well may be a sum, and not a mean.
        """
        is_of_rows = history.series[overshoot.metric].axis is Axis.EPOCH
        if not is_of_rows or (chance_at_most(history) or number_of_classes(history)) is None:
            return None
        leap = replace(overshoot, threshold=self.min_leap_of_rows)
        is_mean = math.isfinite(end.value) and self.min_mended <= end.value <= self.min_overshoot
        is_leap = is_mean and leap.value >= leap.threshold
        return (leap, replace(end, threshold=self.min_mended)) if is_leap else None

    def _replaced(self, history: RunHistory, overshoot: Evidence, end: Evidence) -> Proof | None:
        """Hold a first update as large as the weights and what became of the run together."""
        first = largest_first_update(history, self.min_replacing)
        known = history.hyperparameters
        keeps = 1.0 - min(known.momentum or 0.0, 0.999)
        decay = (known.learning_rate or 0.0) * (known.weight_decay or 0.0) / keeps
        if first is None or first.value < first.threshold or decay >= self.max_decay:
            return None
        leap = replace(overshoot, threshold=self.min_leap)
        harm = leap if leap.value >= leap.threshold else replace(end, threshold=self.min_stuck)
        return (first, harm) if harm.value >= harm.threshold else None

    def _first_updates(self, history: RunHistory) -> Evidence | None:
        """Measure the first updates: by their median where that is huge, else by the largest."""
        series = history.get(Role.UPDATE_RATIO)
        if series is None or len(series) == 0:
            return None
        part = series.where(series.steps < series.steps[0] + _FIRST_STEPS)
        finite = part.finite()
        middle = weighted_median(finite.values, finite.weights) if len(finite) else math.inf
        if middle >= self.min_first_update_ratio:
            words, value, limit = "median", middle, self.min_first_update_ratio
        else:
            words, value, limit = "largest", float(finite.values.max()), self.min_first_update
        return Evidence(
            series.key,
            f"{words} update to weight ratio of the first steps",
            value,
            limit,
            part.span,
        )

    def _dead(
        self, loss: Series, curve: Curve, reference: Reference, first: Evidence | None
    ) -> Proof | None:
        """Hold a huge first update and a loss at chance level together."""
        second_half = curve.after(0.5)
        if reference.kind != "chance" or len(second_half) == 0 or first is None:
            return None
        dead = Evidence(
            loss.key,
            f"lowest level of the second half over {reference.words}",
            float(second_half.min()) / reference.level,
            self.min_dead,
            (float(loss.steps[len(loss) // 2]), float(loss.steps[-1])),
        )
        is_dead = first.value >= first.threshold and dead.value >= dead.threshold
        return (first, dead) if is_dead else None

    def _stuck(
        self,
        history: RunHistory,
        loss: Series,
        curve: Curve,
        reference: Reference,
        overshoot: Evidence,
    ) -> Proof | None:
        """Measure what the steps hold up of the loss; `None` where it is not stuck by them."""
        held_up = held_up_loss(history)
        if held_up is None or history.is_running or len(loss) < _FEWEST_SEEN:
            return None
        if _still_falls(curve):
            return None
        span = (float(loss.steps[len(loss) // 2]), float(loss.steps[-1]))
        has_overshot = overshoot.value >= overshoot.threshold
        limit = self.min_held_up_after_overshoot if has_overshot else self.min_held_up
        held = Evidence(
            loss.key,
            f"loss that long steps hold up by the noise of batches, over {reference.words}",
            held_up / reference.level,
            limit,
            span,
        )
        end = Evidence(
            loss.key,
            f"level at the end over {reference.words}",
            curve.end / reference.level,
            self.min_stuck,
            span,
        )
        is_stuck = held.value >= held.threshold and end.value >= end.threshold
        proof = (overshoot, held, end) if has_overshot else (held, end)
        return proof if is_stuck else None

    def _report(
        self, history: RunHistory, loss: Series, reference: Reference, evidence: Proof
    ) -> Outcome:
        first = self._first_updates(history)
        limits = [one.threshold for one in evidence if "level at the end" in one.statistic]
        worded = " and ".join(_worded(one) for one in evidence[:2])
        return self.found(
            f"The first steps were too long, or all of them: {worded}.",
            "Steps this long leave weights that further training does not mend.",
            evidence,
            confidence=0.85,
            prescriptions=for_long_steps(
                history, first.value if first is not None else None, float(loss.steps[-1])
            ),
            view=View(
                (loss.key, *((first.metric,) if first is not None else ())),
                span=(evidence[0].steps[0], float(loss.steps[-1])),
                threshold=reference.level * limits[0] if limits else None,
                log_scale=bool((loss.finite().values > 0.0).all()),
            ),
        )


def _thrown(overshoot: Evidence, end: Evidence, first: Evidence | None) -> Proof | None:
    """Hold an overshoot and where it led together, with the updates that came first if known."""
    parts = (overshoot, end) + ((first,) if first is not None else ())
    return parts if all(one.value >= one.threshold for one in parts) else None


def _still_falls(curve: Curve) -> bool:
    """Whether the loss fell over the last part of the run by more than noise."""
    later = curve.after(0.4)
    if len(later) == 0:
        return False
    middle = float(np.median(later[: max(1, len(curve.levels) // 4)]))
    return middle - curve.end > max(3.0 * curve.level_noise, 0.1 * curve.gained)


def _worded(evidence: Evidence) -> str:
    if math.isinf(evidence.value):
        return f"the {evidence.statistic} is not finite"
    return f"the {evidence.statistic} was {evidence.value:.3g}"
