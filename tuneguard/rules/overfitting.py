"""TG101: validation loss climbs while training goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tuneguard.findings import Evidence, Outcome, Prescription, Severity, View
from tuneguard.history import Role, RunHistory, Series
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
from tuneguard.statistics.curve import Curve, course


@dataclass(frozen=True)
class Overfitting(Rule):
    """Validation loss climbs away from its best while the training loss goes on falling.

    What it detects:
        After its best value the validation loss rises and stays up, while the training loss at
        the end of the run is no higher than it was at that point.

    Why it matters:
        From there on every step makes the model worse on data that it has not seen, and a
        checkpoint from the end of the run is not the one to keep.

    How it decides:
        Three things together. Effect: the validation loss ended above its best by at least
        ``min_rise`` of the range it had come down, or, where the training loss had come down
        further than that, by ``min_rise_of_training`` of the training loss's range. Noise: by
        at least ``min_noise`` standard deviations of its own noise. Persistence: in none of the
        last ``persistence`` evaluations did it come back to half of that rise. And training did
        learn: its loss ended ``min_gain`` standard deviations of its first values below them.
        Ranges, not values, are the measure, so a loss may be negative.

    When it is wrong:
        The loss may climb while accuracy still rises: the model grows overconfident, not worse.
        A learning rate that restarts in cycles lifts the validation loss for a while.

    References:
        Prechelt (1998), Early Stopping - But When?
    """

    id: ClassVar[str] = "TG101"
    name: ClassVar[str] = "overfitting"
    default_severity: ClassVar[Severity] = Severity.WARNING
    requires: ClassVar[tuple[Requirement, ...]] = (
        Requirement((Role.VALIDATION_LOSS,), min_points=8),
        Requirement((Role.TRAIN_LOSS, Role.TRAIN_EVALUATION_LOSS), min_points=5),
    )
    judges_learning: ClassVar[bool] = False

    min_rise: float = 0.15
    min_rise_of_training: float = 0.05
    min_noise: float = 3.0
    min_gain: float = 3.0
    persistence: int = 3

    def check(self, history: RunHistory) -> Outcome:
        """Compare where validation was best with where it ended."""
        validation = history.get(Role.VALIDATION_LOSS)
        curve = course(validation) if validation is not None else None
        training = _training_course(history)
        if validation is None or curve is None or training is None:
            return self.abstained("too few finite losses")
        share, limit = self._rise(curve, training)
        evidence = (
            Evidence(
                validation.key,
                "rise above its best, as a share of the range it came down",
                share,
                limit,
                (curve.best_step, float(validation.steps[-1])),
            ),
            Evidence(
                validation.key,
                "rise above its best, in standard deviations of its noise",
                curve.lost / max(curve.level_noise, 1e-12 * max(abs(curve.best), 1e-300)),
                self.min_noise,
                (curve.best_step, float(validation.steps[-1])),
            ),
        )
        has_risen = all(one.value >= one.threshold for one in evidence)
        fall = training.start - training.end
        has_learned = fall >= self.min_gain * max(training.level_noise, training.noise / 5**0.5)
        if not has_risen or not has_learned or not self._persists(curve):
            return self.passed(*evidence)
        if not self._training_goes_on(training, curve):
            return self.passed(*evidence)
        return self._report(history, validation, curve, evidence)

    def _rise(self, validation: Curve, training: Curve) -> tuple[float, float]:
        """Return the rise as a share of a range, and the limit for that range."""
        own = validation.gained
        if own > 0.0 and own >= self.min_rise_of_training / self.min_rise * training.gained:
            return validation.lost / own, self.min_rise
        scale = max(training.gained, own)
        return (validation.lost / scale if scale > 0.0 else 0.0), self.min_rise_of_training

    def _persists(self, curve: Curve) -> bool:
        tail = curve.levels[-self.persistence :]
        after_best = len(curve.levels) - 1 - curve.best_index
        is_up = bool((tail - curve.best >= 0.5 * curve.lost).all())
        return is_up and after_best >= self.persistence

    def _training_goes_on(self, training: Curve, validation: Curve) -> bool:
        """Whether training did not itself turn round when validation did."""
        best_at = validation.positions[validation.best_index]
        before = training.levels[training.positions <= best_at]
        at_best = float(before[-1]) if len(before) else training.start
        slack = max(3.0 * training.level_noise, 0.02 * training.gained)
        return training.end <= at_best + slack

    def _report(
        self, history: RunHistory, validation: Series, curve: Curve, evidence: tuple[Evidence, ...]
    ) -> Outcome:
        best, last = curve.best_step, float(validation.steps[-1])
        unit = validation.axis.value
        train = history.roles.get(Role.TRAIN_LOSS) or history.roles[Role.TRAIN_EVALUATION_LOSS]
        return self.found(
            f"Validation loss was best at {unit} {best:g} ({curve.best:.4g}) and rose to "
            f"{curve.end:.4g} by {unit} {last:g}, while training went on.",
            "Since then the model has become worse on data that it has not seen.",
            evidence,
            confidence=min(0.99, 0.5 + 0.1 * evidence[0].value / evidence[0].threshold),
            prescriptions=_prescriptions(history, best, unit, curve),
            view=View(
                (validation.key, train),
                span=(best, last),
                threshold=curve.best + curve.lost * evidence[0].threshold / evidence[0].value,
                marks=((best, "best validation"),),
            ),
        )


def _training_course(history: RunHistory) -> Curve | None:
    """Return the course of the training loss, as evaluated like validation where there is one."""
    for role in (Role.TRAIN_EVALUATION_LOSS, Role.TRAIN_LOSS):
        series = history.get(role)
        curve = course(series) if series is not None else None
        if curve is not None and curve.points >= 5:
            return curve
    return None


def _prescriptions(
    history: RunHistory, best: float, unit: str, curve: Curve
) -> tuple[Prescription, ...]:
    patience = max(3, round(0.1 * curve.points))
    fixes = [stop_at_best(best, unit, curve.best, patience)]
    known = history.hyperparameters
    if (known.weight_decay or 0.0) < MAX_WEIGHT_DECAY:
        fixes.append(more_weight_decay(history))
    if (known.dropout or 0.0) < MAX_DROPOUT:
        fixes.append(more_dropout(history))
    if known.task != "regression":
        fixes.append(label_smoothing())
    return (*fixes, smaller_model(history))
