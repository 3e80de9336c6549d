"""TG305: the learning rate dies early, or jumps in the middle of the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tuneguard.chance import reference_level
from tuneguard.findings import Evidence, Outcome, Severity, View
from tuneguard.history import Axis, Role, RunHistory, Series
from tuneguard.prescriptions.orders import for_a_rate_that_died, for_a_rate_that_leapt
from tuneguard.rule import Requirement, Rule
from tuneguard.statistics.change_points import change_points
from tuneguard.statistics.curve import Curve, course
from tuneguard.statistics.rate_course import around, level_after, place_below

_LOW = 0.1
_AFTERMATH = 5
_SOON = 0.1
_AT_ONCE = 0.5
_ROWS_AROUND = 2

Proof = tuple[Evidence, ...]


@dataclass(frozen=True)
class ScheduleFault(Rule):
    """The learning rate decays long before the run is done, or leaps while it is under way.

    What it detects:
        A schedule that is stepped at the wrong place, such as once a batch in place of once an
        epoch, so that the learning rate is gone while the loss was still falling; and a learning
        rate that leaps up in the middle of the run and throws the loss back.

    Why it matters:
        After the learning rate is gone, the rest of the budget trains nothing. After a leap, what
        was learned before is lost.

    How it decides:
        Dying: from a place before ``max_place`` of the run on, the learning rate stays below
        ``max_share`` of its peak. The loss was still falling then: over the latter half of the
        time in which the rate was above a tenth of its peak, it came down by at least
        ``min_fall`` of all that it ever did, from chance level on where it began higher; after
        that it came down by less than ``max_after`` of that, or by ``max_unmoved`` of the level
        that follows; and it ended above ``min_end`` of chance level, or, where that is unknown,
        of its start. Where the rate died before ``max_place_unmoved`` of the run and the loss
        never came down by ``max_unmoved`` of that level, it had no time to fall. A schedule that
        ends with the run, steps by a tenth, and cuts after the
        loss had settled are left alone. Leaping: the learning rate rose to ``min_leap`` times
        all that it had been before, the level of the loss changes at that place, and it ended
        higher than it was there by ``min_loss_of_progress`` of what it had come down and by
        ``min_noise`` standard deviations of a level. Warm restarts return to a rate that was
        there before, and a warm-up harms nothing. In rows of one an epoch the peak is the rate
        that params name where that is higher, as a rate may die before the first row; the loss
        of the row in which it died is of the time before as well. There, a leap must show in the
        row of the leap or in the next. Fewer than ``min_points`` single losses tell nothing.

    When it is wrong:
        A rate that is cut by a person who saw the loss settle, on a scale that the loss does not
        show, looks like one that died.

    References:
        Karpathy (2019), A Recipe for Training Neural Networks, on decay that is driven to zero
        too early. Loshchilov & Hutter (2017), SGDR: Stochastic Gradient Descent with Warm
        Restarts.
    """

    id: ClassVar[str] = "TG305"
    name: ClassVar[str] = "schedule-fault"
    default_severity: ClassVar[Severity] = Severity.WARNING
    explains: ClassVar[frozenset[str]] = frozenset(
        {
            "divergence",
            "exploding-gradients",
            "learning-rate-oscillation",
            "learning-rate-too-high",
            "learning-rate-too-low",
            "loss-plateau",
            "no-learning",
            "non-finite-values",
            "underfitting",
        }
    )
    requires: ClassVar[tuple[Requirement, ...]] = (
        Requirement((Role.TRAIN_LOSS,), min_points=8),
        Requirement((Role.LEARNING_RATE,), min_points=10),
    )

    max_place: float = 0.55
    max_share: float = 0.02
    min_fall: float = 0.1
    max_after: float = 0.1
    min_end: float = 0.12
    max_unmoved: float = 0.05
    max_place_unmoved: float = 0.3
    min_leap: float = 5.0
    min_loss_of_progress: float = 0.2
    min_noise: float = 5.0
    min_points: int = 20

    def check(self, history: RunHistory) -> Outcome:
        """Look at the learning rate, and at what the loss did where it changed."""
        loss, rate = history.get(Role.TRAIN_LOSS), history.get(Role.LEARNING_RATE)
        curve = course(loss) if loss is not None else None
        known = rate.finite() if rate is not None else None
        if loss is None or curve is None or known is None or float(known.values.max()) <= 0.0:
            return self.abstained("the loss or the learning rate has no usable values")
        if loss.axis is Axis.STEP and curve.points < self.min_points:
            return self.abstained(f"the training loss has fewer than {self.min_points} points")
        is_constant = np.ptp(known.values) <= 0.05 * float(known.values.max())
        if is_constant and float(known.values.max()) > self.max_share * _peak(history, known):
            return self.passed(self._swing(known))
        leap = self._leap(loss, curve, known)
        if leap is not None:
            return self._report_leap(history, loss, known, leap)
        return self._decay(history, loss, curve, known)

    def _decay(self, history: RunHistory, loss: Series, curve: Curve, known: Series) -> Outcome:
        """Judge a learning rate that went down."""
        if history.is_running or curve.start <= 0.0:
            return self.abstained("what a decay left undone shows in an ended, positive loss")
        dying = self._dying(history, loss, curve, known)
        if dying is not None and all(_is_wrong(one) for one in dying):
            return self._report_dying(history, loss, known, dying)
        return self.passed(*(dying or (self._swing(known),)))

    def _swing(self, rate: Series) -> Evidence:
        """Measure how far the learning rate ever rose above what it had been before."""
        before = np.maximum.accumulate(rate.values)[:-1]
        rises = rate.values[1:][before > 0.0] / before[before > 0.0]
        return Evidence(
            rate.key,
            "largest rise of the learning rate over all before",
            float(rises.max(initial=1.0)),
            self.min_leap,
            rate.span,
        )

    def _leap(self, loss: Series, curve: Curve, rate: Series) -> Proof | None:
        """Find a leap of the learning rate at which the loss was thrown back for good."""
        before = np.maximum.accumulate(rate.values)[:-1]
        leaps = np.flatnonzero((before > 0.0) & (rate.values[1:] >= self.min_leap * before))
        if len(leaps) == 0:
            return None
        at = int(leaps[-1]) + 1
        leap = Evidence(
            rate.key,
            "learning rate over the highest before",
            float(rate.values[at] / before[at - 1]),
            self.min_leap,
            (float(rate.steps[at - 1]), float(rate.steps[at])),
        )
        setback = self._setback(loss, curve, float(rate.positions[at]), leap.steps[1])
        return (leap, setback) if setback is not None else None

    def _setback(self, loss: Series, curve: Curve, place: float, step: float) -> Evidence | None:
        """Measure what the loss lost for good by a leap; `None` where that is little."""
        earlier = curve.levels[curve.positions < place]
        later = loss.values[loss.positions >= place]
        if len(earlier) < 2 or len(later) < _AFTERMATH:
            return None
        low = float(np.min(earlier[-2:]))
        gained = max(curve.start - low, 0.0)
        end = later[-max(_AFTERMATH, len(later) // 10) :]
        is_lost = not np.isfinite(end).all()
        rise = np.inf if is_lost else float(np.median(end)) - low
        soon = later[: max(_AFTERMATH, int(_SOON * len(loss)))]
        rise_soon = float(np.median(soon)) - low if np.isfinite(soon).all() else np.inf
        scale = max(gained, self.min_noise * curve.level_noise / self.min_loss_of_progress)
        last = float(loss.steps[-1])
        setback = Evidence(
            loss.key,
            "rise of the loss from there to the end, as a share of what it had come down",
            rise / scale if scale > 0.0 else 0.0,
            self.min_loss_of_progress,
            (min(step, last), last),
        )
        is_at_once = is_lost or (
            self._is_aligned(loss, curve, place)
            and rise_soon >= _AT_ONCE * self.min_loss_of_progress * scale
        )
        is_harm = is_at_once and setback.value >= setback.threshold
        return setback if is_harm else None

    def _is_aligned(self, loss: Series, curve: Curve, place: float) -> bool:
        """Whether the level of the loss changes near `place` of the run."""
        finite = loss.finite()
        values = finite.values
        if loss.axis is Axis.EPOCH:
            at = int(np.searchsorted(finite.positions, place))
            rise = float(values[at : at + _ROWS_AROUND].max() - values[max(0, at - 1)])
            return rise >= self.min_loss_of_progress * curve.gained
        steady = np.log(values) if values.min() > 0.0 else values
        changes = finite.positions[change_points(steady)]
        return bool((np.abs(changes - place) <= 0.05).any())

    def _dying(
        self, history: RunHistory, loss: Series, curve: Curve, rate: Series
    ) -> Proof | None:
        """Measure how early the learning rate died, and what the loss did before and after."""
        peak = _peak(history, rate)
        place = place_below(rate, self.max_share * peak)
        low = place_below(rate, _LOW * peak)
        if place is None or low is None:
            return None
        level, end = self._end(history, loss, curve)
        before, at_low = around(loss, curve, low)
        at_death = level_after(loss, curve, place)
        died_at = float(np.interp(place, rate.positions, rate.steps))
        span = (died_at, max(died_at, float(rate.steps[-1])))
        of_loss = (float(loss.steps[0]), float(loss.steps[-1]))
        died = Evidence(
            rate.key, "place at which the learning rate had died", place, self.max_place, span
        )
        moved = max(self.max_unmoved * level, self.min_noise * curve.gain_noise)
        if curve.gained < moved and place <= self.max_place_unmoved:
            return (died, end)
        below = level - curve.end
        # what a bad start was above knowing nothing is no progress that a decay could cut off
        gained = min(curve.gained, below) if below > 0.0 else curve.gained
        whole = max(gained, 1e-12 * curve.start)
        after = Evidence(
            loss.key,
            "further fall to the end, as a share of the whole fall or of half that level",
            (at_death - curve.end) / max(whole, self.max_unmoved / self.max_after * level),
            self.max_after,
            of_loss,
        )
        if loss.axis is Axis.EPOCH and low <= float(loss.positions[0]):
            return (died, end, after)
        fell = Evidence(
            loss.key,
            "fall over the latter half of the time before, as a share of the whole fall",
            (before - at_low) / whole,
            self.min_fall,
            of_loss,
        )
        return (died, end, fell, after)

    def _end(self, history: RunHistory, loss: Series, curve: Curve) -> tuple[float, Evidence]:
        """Return the level of a model that learned nothing, and where the loss ended over it."""
        reference = reference_level(history)
        level = reference.level if reference is not None else curve.start
        words = reference.words if reference is not None else "its start"
        share, span = curve.end / level, (float(loss.steps[0]), float(loss.steps[-1]))
        return level, Evidence(
            loss.key, f"level at the end over {words}", share, self.min_end, span
        )

    def _report_dying(
        self, history: RunHistory, loss: Series, rate: Series, evidence: Proof
    ) -> Outcome:
        died_at = evidence[0].steps[0]
        planned = history.planned_steps or int(loss.steps[-1]) + 1
        unit = "step" if loss.axis is Axis.STEP else loss.axis.value
        return self.found(
            f"The learning rate fell below {self.max_share:.0%} of its peak by "
            f"{rate.axis.value} {died_at:g}, after {evidence[0].value:.0%} of the run, while the "
            f"loss was still falling; it ended at {evidence[1].value:.0%} of "
            f"{evidence[1].statistic.removeprefix('level at the end over ')}.",
            "From there on the run trained nothing.",
            evidence,
            confidence=0.85,
            prescriptions=for_a_rate_that_died(history, planned, unit),
            view=View((loss.key, rate.key), span=evidence[0].steps),
        )

    def _report_leap(
        self, history: RunHistory, loss: Series, rate: Series, evidence: Proof
    ) -> Outcome:
        at = evidence[0].steps[1]
        before = float(rate.values[rate.steps < at].max())
        return self.found(
            f"The learning rate leapt to {evidence[0].value:.3g} times its highest before at "
            f"{rate.axis.value} {at:g}, and the loss was thrown back from there on.",
            "What the run had learned before is lost.",
            evidence,
            confidence=0.9,
            prescriptions=for_a_rate_that_leapt(
                history, before, float(rate.values[rate.steps >= at].max())
            ),
            view=View((loss.key, rate.key), span=evidence[1].steps, marks=((at, "leap"),)),
        )


def _peak(history: RunHistory, rate: Series) -> float:
    """Return the highest learning rate; before the first row of epochs, the one in params."""
    peak = float(rate.values.max())
    declared = history.hyperparameters.learning_rate
    return max(peak, declared or 0.0) if rate.axis is Axis.EPOCH else peak


def _is_wrong(evidence: Evidence) -> bool:
    is_upper = evidence.statistic.startswith(("fall over", "level at the end"))
    if is_upper:
        return evidence.value >= evidence.threshold
    return evidence.value <= evidence.threshold
