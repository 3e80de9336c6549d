"""TG302: steps so long that the run overshoots, or stays stuck half way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tuneguard.chance import Reference, reference_level
from tuneguard.findings import Evidence, Outcome, Severity, View
from tuneguard.history import Role, RunHistory, Series
from tuneguard.prescriptions.learning_rate import lower_learning_rate, warm_up
from tuneguard.rule import Requirement, Rule
from tuneguard.statistics.curve import course
from tuneguard.statistics.robust import running_median
from tuneguard.statistics.weighted import weighted_median

_TARGET_RATIO = 2e-3
_FIRST_STEPS = 20


@dataclass(frozen=True)
class LearningRateTooHigh(Rule):
    """The loss overshot its starting level at once and ended there, or stuck with huge updates.

    What it detects:
        Steps so long that the first of them throw the loss above the level of a model that knows
        nothing, where it stays or to which it returns; or that keep it half way down for good.

    Why it matters:
        The weights that the first steps leave behind are often worse than the initialisation,
        and no number of further steps mends them.

    How it decides:
        Overshoot: smoothed over three steps, the loss rose above ``min_overshoot`` times the
        reference (chance level where known, else the first loss) in the run's first half, and
        at the end it is above ``min_end`` of it, or not finite; it takes ``min_points`` steps
        to tell. Stuck: the median over time of the update to weight ratio, known beyond half of
        the run, is above ``min_update_ratio`` while the loss ends above ``min_stuck`` of chance
        level and no longer falls. A median above ``min_first_update_ratio`` in the first 20
        steps tells it from a gradient that exploded by itself.

    When it is wrong:
        A bad initialisation also starts high, but it comes down. A gradient that explodes in a
        recurrent network overshoots too: there the norm bursts while the loss is ordinary.

    References:
        Goodfellow, Bengio & Courville (2016), Deep Learning, section 11.4.1.
    """

    id: ClassVar[str] = "TG302"
    name: ClassVar[str] = "learning-rate-too-high"
    default_severity: ClassVar[Severity] = Severity.CRITICAL
    explains: ClassVar[frozenset[str]] = frozenset(
        {
            "divergence",
            "exploding-gradients",
            "no-learning",
            "non-finite-values",
            "learning-rate-oscillation",
            "underfitting",
            "vanishing-gradients",
        }
    )
    requires: ClassVar[tuple[Requirement, ...]] = (Requirement((Role.TRAIN_LOSS,), min_points=3),)

    min_overshoot: float = 1.3
    min_end: float = 0.85
    min_stuck: float = 0.5
    min_update_ratio: float = 1e-2
    min_first_update_ratio: float = 0.03
    min_points: int = 20

    def check(self, history: RunHistory) -> Outcome:
        """Look for an overshoot that stayed, or for huge updates that lead nowhere."""
        loss = history.get(Role.TRAIN_LOSS)
        reference = reference_level(history)
        curve = course(loss) if loss is not None else None
        if loss is None or len(loss) < self.min_points:
            return self.abstained(f"fewer than {self.min_points} steps were recorded")
        if curve is None or reference is None:
            return self.abstained(
                "the loss was not recorded from the first step on, or is not positive",
                "attach the callback before the first step, and pass num_classes",
            )
        overshoot, end = self._overshoot(loss, reference)
        first_ratio = _update_ratio(history, self.min_first_update_ratio, first=_FIRST_STEPS)
        is_thrown = overshoot.value >= overshoot.threshold and end.value >= end.threshold
        if is_thrown and (first_ratio is None or first_ratio.value >= self.min_first_update_ratio):
            proof = (overshoot, end) + ((first_ratio,) if first_ratio is not None else ())
            return self._report(history, loss, proof, "overshot and did not recover")
        stuck = self._stuck(history, loss, reference)
        if stuck is not None:
            return self._report(history, loss, stuck, "stuck half way while updates were huge")
        return self.passed(overshoot, end)

    def _overshoot(self, loss: Series, reference: Reference) -> tuple[Evidence, Evidence]:
        half = loss.where(loss.positions <= 0.5)
        finite = half.finite()
        peak = float(running_median(finite.values, 3).max()) if len(finite) else np.inf
        peak_step = float(finite.steps[int(np.argmax(finite.values))]) if len(finite) else 0.0
        last = loss.values[-max(5, len(loss) // 20) :]
        end = float(np.median(last)) if np.isfinite(last).all() else np.inf
        return (
            Evidence(
                loss.key,
                f"highest level of the first half over {reference.words}",
                peak / reference.level,
                self.min_overshoot,
                (loss.span[0], peak_step),
            ),
            Evidence(
                loss.key,
                f"level at the end over {reference.words}",
                end / reference.level,
                self.min_end,
                (float(loss.steps[-len(last)]), float(loss.steps[-1])),
            ),
        )

    def _stuck(
        self, history: RunHistory, loss: Series, reference: Reference
    ) -> tuple[Evidence, ...] | None:
        curve = course(loss)
        ratio = _update_ratio(history, self.min_update_ratio)
        if curve is None or ratio is None or reference.kind != "chance":
            return None
        later = curve.after(0.4)
        if len(later) == 0 or history.series[ratio.metric].positions[-1] <= 0.5:
            return None
        end = Evidence(
            loss.key,
            f"level at the end over {reference.words}",
            curve.end / reference.level,
            self.min_stuck,
            (float(loss.steps[len(loss) // 2]), float(loss.steps[-1])),
        )
        middle = float(np.median(later[: max(1, len(curve.levels) // 4)]))
        still_falls = middle - curve.end > max(3.0 * curve.level_noise, 0.1 * curve.gained)
        is_huge = ratio.value >= self.min_update_ratio
        return (ratio, end) if is_huge and end.value >= end.threshold and not still_falls else None

    def _report(
        self, history: RunHistory, loss: Series, evidence: tuple[Evidence, ...], words: str
    ) -> Outcome:
        ratio = _update_ratio(history, self.min_first_update_ratio, first=_FIRST_STEPS)
        factor = 0.1
        if ratio is not None and np.isfinite(ratio.value) and ratio.value > 0.0:
            factor = float(np.clip(_TARGET_RATIO / ratio.value, 0.01, 0.3))
        first, chance = evidence[0].steps[0], reference_level(history)
        because = "the first updates were too large for the weights"
        return self.found(
            f"Training loss {words}: {_worded(evidence[0])}, and {_ending(evidence[1])}.",
            "Steps this long leave weights that further training does not mend.",
            evidence,
            confidence=0.85,
            prescriptions=(
                lower_learning_rate(history, factor=factor, because=because),
                warm_up(history, max(20, int(0.05 * loss.steps[-1]))),
            ),
            view=View(
                (loss.key, *((ratio.metric,) if ratio is not None else ())),
                span=(first, float(loss.steps[-1])),
                threshold=chance.level * evidence[1].threshold if chance is not None else None,
                log_scale=bool((loss.finite().values > 0.0).all()),
            ),
        )


def _update_ratio(history: RunHistory, limit: float, first: float = np.inf) -> Evidence | None:
    """Measure the median over time of the update to weight ratio, of the `first` steps only."""
    series = history.get(Role.UPDATE_RATIO)
    if series is None or len(series) == 0:
        return None
    part = series.where(series.steps < series.steps[0] + first)
    finite = part.finite()
    value = weighted_median(finite.values, finite.weights) if len(finite) else np.inf
    return Evidence(series.key, "median update to weight ratio", value, limit, part.span)


def _worded(evidence: Evidence) -> str:
    if evidence.statistic.startswith("median update"):
        return f"an update changed the weights by {evidence.value:.2g} of their size"
    if np.isinf(evidence.value):
        return "it became NaN or infinite"
    return f"it reached {evidence.value:.3g} times the level of a model that knows nothing"


def _ending(end: Evidence) -> str:
    if np.isinf(end.value):
        return "the run ended so"
    return f"the run ended at {end.value:.3g} times the level of such a model"
