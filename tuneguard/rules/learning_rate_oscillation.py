"""TG301: the loss swings without progress because steps are too long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tuneguard.findings import Evidence, Outcome, Prescription, Severity, View
from tuneguard.history import Axis, Role, RunHistory, Series
from tuneguard.prescriptions.learning_rate import (
    decay_to_zero,
    lower_learning_rate,
    reduce_on_plateau,
)
from tuneguard.rule import Requirement, Rule
from tuneguard.statistics.curve import Curve, course
from tuneguard.statistics.swings import swings
from tuneguard.statistics.trend import trend


@dataclass(frozen=True)
class LearningRateOscillation(Rule):
    """The loss swings from evaluation to evaluation without getting anywhere.

    What it detects:
        A validation loss (the training loss in blocks, where there is no validation) that jumps
        up and down over the second half of the run, while the training loss hovers as well.

    Why it matters:
        The steps are too long to settle: the run jumps around the minimum that it could reach
        with shorter ones, and the last checkpoint is a matter of luck.

    How it decides:
        Effect: the swings of the second half, from their 10th to their 90th percentile around a
        straight line, are at least ``min_amplitude`` of the range that the loss came down, and
        those of the training loss's levels at least ``min_level`` of its own range, which must
        be ``min_gain`` standard deviations of a level. Persistence: at least ``min_turns`` of
        the points are turning points. Progress: neither loss fell over that half by as much as
        it swings. A learning rate that rises by ``max_rise`` in that half is a cyclic schedule,
        not an oscillation, and one that has decayed to ``max_decay`` is not to blame.

    When it is wrong:
        A tiny validation set swings by itself. Reinforcement and adversarial learning have
        losses that swing by nature.

    References:
        Godbole et al. (2023), Deep Learning Tuning Playbook, on late-training variance.
    """

    id: ClassVar[str] = "TG301"
    name: ClassVar[str] = "learning-rate-oscillation"
    default_severity: ClassVar[Severity] = Severity.WARNING
    explains: ClassVar[frozenset[str]] = frozenset({"underfitting", "overfitting"})
    requires: ClassVar[tuple[Requirement, ...]] = (
        Requirement((Role.VALIDATION_LOSS, Role.TRAIN_LOSS), min_points=12),
    )

    min_amplitude: float = 0.06
    min_turns: float = 0.3
    min_level: float = 0.02
    min_gain: float = 5.0
    max_decay: float = 0.1
    max_rise: float = 1.5

    def check(self, history: RunHistory) -> Outcome:
        """Measure the swings of the second half of the run."""
        series = _judged(history)
        curve = course(series) if series is not None else None
        scale = _range(history)
        if series is None or curve is None or scale <= 0.0:
            return self.abstained("the loss never came down, so there is no range to compare with")
        schedule = self._schedule(history)
        if schedule is not None:
            return self.abstained(schedule)
        tail = series.finite().values[series.finite().positions > 0.5]
        if curve.is_blocked:
            tail = curve.after(0.5)
        swing = swings(tail)
        span = (float(series.steps[len(series) // 2]), float(series.steps[-1]))
        evidence = (
            Evidence(
                series.key,
                "swings of the second half, as a share of the range it came down",
                swing.amplitude / scale,
                self.min_amplitude,
                span,
            ),
            Evidence(series.key, "share of turning points", swing.turns, self.min_turns, span),
        )
        swings_enough = all(one.value >= one.threshold for one in evidence)
        if not swings_enough or not _has_stalled(tail):
            return self.passed(*evidence)
        hovering = self._training_hovers(history)
        if hovering is None or hovering.value < hovering.threshold:
            return self.passed(*evidence)
        return self._report(history, series, curve, (*evidence, hovering))

    def _schedule(self, history: RunHistory) -> str | None:
        """Say why the learning rate cannot be blamed, or `None` if it can."""
        rate = history.get(Role.LEARNING_RATE)
        if rate is None or not rate.is_finite.any():
            return None
        second = rate.finite().where(rate.finite().positions > 0.5).values
        if len(second) < 2:
            return None
        if (second / self.max_rise > np.minimum.accumulate(second)).any():
            return "the learning rate itself rises and falls in the second half"
        if np.median(second) < self.max_decay * rate.finite().values.max():
            return "the learning rate had decayed before the second half"
        return None

    def _training_hovers(self, history: RunHistory) -> Evidence | None:
        """Measure how the training loss hovers; `None` if it goes on falling, or never fell."""
        series = history.get(Role.TRAIN_LOSS) or history.get(Role.TRAIN_EVALUATION_LOSS)
        curve = course(series) if series is not None else None
        if series is None or curve is None or curve.gained <= 0.0:
            return None
        second = curve.after(0.5)
        if not _has_stalled(second) or curve.gained < self.min_gain * curve.level_noise:
            return None
        return Evidence(
            series.key,
            "swings of the training loss's levels in the second half, as a share of its range",
            swings(second).amplitude / curve.gained,
            self.min_level,
            (float(series.steps[len(series) // 2]), float(series.steps[-1])),
        )

    def _report(
        self, history: RunHistory, series: Series, curve: Curve, evidence: tuple[Evidence, ...]
    ) -> Outcome:
        share, unit = evidence[0].value, series.axis.value
        because = f"the loss swung by {share:.0%} of its range without settling"
        start, end = evidence[0].steps
        train = history.roles.get(Role.TRAIN_LOSS)
        return self.found(
            f"From {unit} {start:g} to {end:g} the loss swung by {share:.0%} of the range it had "
            f"come down, without getting below {curve.best:.4g} for good.",
            "Steps are too long to settle: where the run ends is a matter of luck.",
            evidence,
            confidence=min(0.95, 0.6 + share / 2.0),
            prescriptions=(
                lower_learning_rate(history, factor=0.1, because=because),
                _decay(history, series),
                reduce_on_plateau(patience=3),
            ),
            view=View(
                (series.key, *((train,) if train and train != series.key else ())),
                span=(start, end),
            ),
        )


def _decay(history: RunHistory, series: Series) -> Prescription:
    """Prescribe a decay over the length of the run, in steps where they are known."""
    planned = history.hyperparameters.planned_steps
    if planned is not None and planned >= 1.0:
        return decay_to_zero(int(planned))
    on_steps = [one for one in history.series.values() if one.axis is Axis.STEP and len(one)]
    if on_steps:
        return decay_to_zero(int(max(one.steps[-1] for one in on_steps)) + 1)
    return decay_to_zero(max(1, int(series.steps[-1])), series.axis.value)


def _range(history: RunHistory) -> float:
    """Return how far the loss came down, on the split where it came down further."""
    found = [history.get(role) for role in (Role.VALIDATION_LOSS, Role.TRAIN_LOSS)]
    curves = [course(series) for series in found if series is not None]
    return max((curve.gained for curve in curves if curve is not None), default=0.0)


def _judged(history: RunHistory) -> Series | None:
    """Return the validation loss if it has enough points, else the training loss."""
    validation = history.get(Role.VALIDATION_LOSS)
    if validation is not None and int(validation.is_finite.sum()) >= 12:
        return validation
    return history.get(Role.TRAIN_LOSS)


def _has_stalled(tail: NDArray[np.float64]) -> bool:
    """Whether the fall over the tail is smaller than the swings around it."""
    fall = -trend(np.arange(len(tail), dtype=np.float64), tail).change
    return fall < swings(tail).amplitude
