"""TG402: the run lost what it had gained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tuneguard.findings import Evidence, Outcome, Severity, View
from tuneguard.history import Role, RunHistory, Series
from tuneguard.prescriptions.orders import for_a_departure
from tuneguard.rule import Requirement, Rule
from tuneguard.statistics.curve import Curve, course
from tuneguard.symptoms import MISJUDGED_VALIDATION, STANDSTILL


@dataclass(frozen=True)
class Divergence(Rule):
    """The training loss gave back most of what it had gained, and did not come back.

    What it detects:
        The training loss ended far above its best, or far above where it began.

    Why it matters:
        Whatever the run had learned is lost; the rest of it was wasted.

    How it decides:
        Effect: at the end at least ``min_lost`` of the range that the loss had come down is lost
        again. A loss that never came down by ``min_gain`` standard deviations, of its start and
        of a level, has diverged when it ended ``min_noise`` of them above its start. Noise: the
        loss is ``min_noise`` standard deviations of a level above its best. Persistence: so are
        the last ``persistence`` levels. The measure is the range, so a loss may be negative. A
        loss that neither rose nor ended ``min_gain`` standard deviations below its start had
        nothing to lose: that it did not diverge says nothing good of it.

    When it is wrong:
        A change of task or of data in mid-run, or a loss whose weights change (a curriculum, an
        annealed penalty), can raise the loss on purpose.

    References:
        Goodfellow, Bengio & Courville (2016), Deep Learning, section 8.2.
    """

    id: ClassVar[str] = "TG402"
    name: ClassVar[str] = "divergence"
    default_severity: ClassVar[Severity] = Severity.CRITICAL
    explains: ClassVar[frozenset[str]] = (
        STANDSTILL | MISJUDGED_VALIDATION | {"learning-rate-oscillation", "loss-spikes"}
    )
    requires: ClassVar[tuple[Requirement, ...]] = (
        Requirement(
            (Role.TRAIN_LOSS, Role.TRAIN_EVALUATION_LOSS, Role.VALIDATION_LOSS), min_points=8
        ),
    )
    judges_learning: ClassVar[bool] = True

    min_lost: float = 0.5
    min_noise: float = 5.0
    min_gain: float = 3.0
    persistence: int = 3

    def check(self, history: RunHistory) -> Outcome:
        """Compare the end of the training loss with its best."""
        series = _judged(history)
        curve = course(series) if series is not None else None
        if series is None or curve is None:
            return self.abstained("too few finite losses")
        noise = max(curve.level_noise, 1e-9 * max(abs(curve.best), 1e-300))
        span = (curve.best_step, float(curve.steps[-1]))
        lost = curve.lost / curve.gained if curve.gained > noise else curve.lost / noise
        evidence = (
            Evidence(
                series.key, "share of the gain that was lost again", lost, self.min_lost, span
            ),
            Evidence(
                series.key,
                "rise above its best, in standard deviations of a level",
                curve.lost / noise,
                self.min_noise,
                span,
            ),
        )
        tail = curve.levels[-self.persistence :]
        is_lasting = bool((tail - curve.best >= 0.8 * self.min_lost * curve.gained).all())
        spread = max(noise, curve.gain_noise)
        has_gained = curve.gained > self.min_gain * spread
        is_real = has_gained or curve.end - curve.start >= self.min_noise * spread
        is_lost = is_lasting and all(one.value >= one.threshold for one in evidence)
        if not is_real or not is_lost:
            if curve.start - curve.end <= self.min_gain * spread:
                return self.abstained("the loss never came down, so there is nothing to lose")
            return self.passed(*evidence)
        if series.key == history.roles.get(Role.VALIDATION_LOSS):
            return self.abstained(
                "the validation loss rose, and without a training loss nobody can tell "
                "divergence from overfitting",
                "record the training loss",
            )
        return self._report(history, series, curve, evidence)

    def _report(
        self, history: RunHistory, series: Series, curve: Curve, evidence: tuple[Evidence, ...]
    ) -> Outcome:
        unit, best = series.axis.value, curve.best_step
        is_early = bool(curve.positions[curve.best_index] < 0.1)
        return self.found(
            f"Training loss was best at {unit} {best:g} ({curve.best:.4g}) and ended at "
            f"{curve.end:.4g}, having started at {curve.start:.4g}.",
            "What the run had learned by then is lost.",
            evidence,
            confidence=0.9,
            prescriptions=for_a_departure(history, series, (best, curve.best), is_early=is_early),
            view=View(
                (series.key,),
                span=(best, float(series.steps[-1])),
                threshold=curve.best + curve.lost * evidence[0].threshold / evidence[0].value,
                marks=((best, "best"),),
            ),
        )


def _judged(history: RunHistory) -> Series | None:
    """Return the training loss, or what comes nearest to it."""
    roles = (Role.TRAIN_LOSS, Role.TRAIN_EVALUATION_LOSS, Role.VALIDATION_LOSS)
    found = (history.get(role) for role in roles)
    return next((series for series in found if series is not None), None)
