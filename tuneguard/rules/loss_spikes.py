"""TG403: the loss leaps, again and again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tuneguard.findings import Evidence, Outcome, Severity, View
from tuneguard.history import Axis, Role, RunHistory, Sampling, Series
from tuneguard.prescriptions.orders import for_spikes
from tuneguard.rule import Requirement, Rule
from tuneguard.statistics.leaps import Leaps, leaps
from tuneguard.statistics.lone_leaps import lone_leaps
from tuneguard.statistics.robust import difference_scale
from tuneguard.statistics.weighted import weighted_percentile

FloatArray = NDArray[np.float64]
_BEFORE = 3.0
_FEW = 0.1


@dataclass(frozen=True)
class LossSpikes(Rule):
    """The training loss leaps far above its course, several times.

    What it detects:
        Steps whose loss stands out of the run's usual noise by a multiple of its own tail.

    Why it matters:
        A batch unlike all others, or a step too far, undoes what the steps before had learned;
        each time the run has to come back.

    How it decides:
        A spike lies above the course before it by ``min_ratio`` times what the highest of 20
        points usually does, and by ``min_share`` of all that the loss had come down until then:
        a loss near zero makes none. There were at least ``min_count`` of them, in a record of
        every step of at least ``min_points``. And they are no tail of the noise: in the median
        they stand out ``min_gap`` times as far as the highest of the other points, and the
        logarithm of a positive loss by ``min_z`` robust standard deviations. Where the
        gradient of the three steps before was ordinary, the batch led, and not the step.

        Odd batches that recur more often are a tail of their own. At least ``min_lone`` steps of
        a positive loss lie above the median of the steps around by a factor of
        ``min_lone_ratio`` and by ``min_z`` robust standard deviations of value and logarithm, by
        ``min_share`` of all that the loss had come down, and on the logarithmic scale by
        ``min_lone_gap`` times as much as any other; and ``min_alone`` of them are a single step
        between two ordinary ones.

    When it is wrong:
        A curriculum that brings in harder data, or a learning rate that restarts, raises the
        loss on purpose.

    References:
        Chowdhery et al. (2022), PaLM: Scaling Language Modeling with Pathways, section 5.1.
    """

    id: ClassVar[str] = "TG403"
    name: ClassVar[str] = "loss-spikes"
    default_severity: ClassVar[Severity] = Severity.WARNING
    requires: ClassVar[tuple[Requirement, ...]] = (
        Requirement((Role.TRAIN_LOSS,), min_points=120),
    )
    explains: ClassVar[frozenset[str]] = frozenset({"learning-rate-oscillation"})

    min_ratio: float = 4.0
    min_z: float = 6.0
    min_share: float = 0.3
    min_count: int = 3
    min_gap: float = 3.0
    min_lone: int = 5
    min_lone_ratio: float = 2.0
    min_lone_gap: float = 1.4
    min_alone: float = 0.9
    min_points: int = 120

    def check(self, history: RunHistory) -> Outcome:
        """Look for points far above the course before them."""
        loss = history.get(Role.TRAIN_LOSS)
        finite = loss.finite() if loss is not None else None
        if finite is None or len(finite) < self.min_points:
            return self.abstained("too few finite losses")
        if finite.axis is not Axis.STEP or finite.sampling is not Sampling.EVERY_STEP:
            return self.abstained(
                "single steps are not on record, so spikes may be missing",
                "record the training loss at every step",
            )
        floor = self._floor(finite)
        spikes = leaps(finite.values, min_ratio=self.min_ratio, min_height=floor)
        is_tail = len(spikes.first) and (
            np.median(spikes.ratio) < self.min_gap * spikes.next_ratio
            or _log_score(finite.values, spikes) < self.min_z
        )
        if len(spikes.first) >= self.min_count and not is_tail:
            return self._report(history, finite, spikes, self._often(finite, spikes))
        lone = self._lone(finite.values, floor)
        if lone is not None:
            return self._report(history, finite, lone, self._often(finite, lone))
        return self.passed(self._often(finite, spikes))

    def _often(self, loss: Series, spikes: Leaps) -> Evidence:
        return Evidence(
            loss.key,
            "spikes out of the usual noise",
            float(len(spikes.first)),
            float(self.min_count),
            (float(loss.steps[spikes.first[0]]), float(loss.steps[spikes.last[-1]]))
            if len(spikes.first)
            else loss.span,
        )

    def _lone(self, values: FloatArray, floor: FloatArray) -> Leaps | None:
        """Return the single steps that stand out again and again, if they do."""
        if values.min() <= 0.0:
            return None
        found, share = lone_leaps(
            values, min_ratio=self.min_lone_ratio, min_z=self.min_z, min_height=floor
        )
        is_often = len(found.first) >= self.min_lone and share >= self.min_alone
        if not is_often or np.median(found.ratio) < self.min_lone_gap * found.next_ratio:
            return None
        return found

    def _floor(self, loss: Series) -> FloatArray:
        """Return for each point the least height of a spike: a share of what had been gained."""
        lows = np.minimum.accumulate(_smoothed(loss.values))
        start = float(np.median(loss.values[:5]))
        gained: FloatArray = np.maximum(start - lows, 0.0)
        return self.min_share * gained

    def _report(
        self, history: RunHistory, loss: Series, spikes: Leaps, often: Evidence
    ) -> Outcome:
        steps = loss.steps[spikes.first]
        highest = int(np.argmax(spikes.height))
        worst = Evidence(
            loss.key,
            "height of the highest over that of usual noise",
            float(min(spikes.ratio[highest], 1e9)),
            self.min_ratio,
            (float(steps[highest]), float(loss.steps[spikes.last[highest]])),
        )
        led, typical = _led_by_gradient(history, steps)
        lengths = spikes.last - spikes.first + 1
        by_batch = led <= _FEW * len(steps) and float(np.median(lengths)) <= 2.0
        per_thousand = 1000.0 * len(steps) / (loss.steps[-1] - loss.steps[0] + 1.0)
        cause = "single batches led" if by_batch else f"the gradient led {led} of them"
        return self.found(
            f"The training loss leapt {len(steps)} times from step {steps[0]:g} on "
            f"({per_thousand:.3g} times in 1,000 steps), by {spikes.height[highest]:.3g} at step "
            f"{steps[highest]:g}; {cause}.",
            "Each time the run has to learn again what a single step undid.",
            (often, worst),
            confidence=0.8,
            prescriptions=for_spikes(history, steps.tolist(), typical, by_batch=by_batch),
            view=View(
                (loss.key,),
                span=often.steps,
                marks=tuple((float(step), "spike") for step in steps[:5]),
            ),
        )


def _log_score(values: FloatArray, spikes: Leaps) -> float:
    """Return by how many deviations of its noise the logarithm leapt, in the median.

    Returns:
        Infinity where a value has no logarithm.
    """
    if values.min() <= 0.0:
        return np.inf
    top = values[spikes.highest]
    course = np.maximum(top - spikes.height, np.finfo(np.float64).tiny)
    scale = max(difference_scale(np.log(values)), 1e-12)
    return float(np.median(np.log(top) - np.log(course))) / scale


def _smoothed(values: FloatArray, width: int = 9) -> FloatArray:
    """Return a moving average over `width` points, over fewer at the start."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    at = np.arange(1, len(values) + 1)
    first = np.maximum(at - width, 0)
    means: FloatArray = (sums[at] - sums[first]) / (at - first)
    return means


def _led_by_gradient(history: RunHistory, steps: FloatArray) -> tuple[int, float | None]:
    """Count the spikes with a leap of the gradient shortly before them.

    Returns:
        How many, and the 90th percentile of the norms; `None` where there are too few.
    """
    norm = history.get(Role.GRADIENT_NORM)
    norm = norm.finite() if norm is not None else None
    if norm is None or len(norm) < 20:
        return 0, None
    usual = weighted_percentile(norm.values, norm.weights, 50.0)
    large = norm.steps[norm.values >= 5.0 * usual]
    gaps = steps[:, np.newaxis] - large[np.newaxis, :]
    is_led = ((gaps > 0.0) & (gaps <= _BEFORE)).any(axis=1)
    return int(is_led.sum()), weighted_percentile(norm.values, norm.weights, 90.0)
