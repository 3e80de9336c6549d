"""TG201: gradient norms leap out of proportion to the loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuneguard.findings import Evidence, Outcome, Severity, View
from tuneguard.history import Role, RunHistory, Sampling, Series
from tuneguard.prescriptions.orders import for_bursts
from tuneguard.rule import Requirement, Rule
from tuneguard.statistics.bursts import bursts
from tuneguard.statistics.curve import course
from tuneguard.statistics.robust import noise_scale, usual_gap
from tuneguard.statistics.weighted import weighted_percentile
from tuneguard.symptoms import MISJUDGED_VALIDATION, STANDSTILL, UPHEAVAL

FloatArray = NDArray[np.float64]


class _Harm(NamedTuple):
    """What bursts did to a run, in words and in numbers."""

    words: str
    proof: Evidence


@dataclass(frozen=True)
class ExplodingGradients(Rule):
    """Gradient norms leap out of proportion, and the run is thrown back by it.

    What it detects:
        Bursts of the gradient norm by an order of magnitude or more, or a gradient that becomes
        infinite, out of proportion to the loss of the same step, in a run that lost by it.

    Why it matters:
        One such step throws the weights far from where they were; what was learned is lost, and
        the next step may overflow.

    How it decides:
        A burst is a norm at least ``min_ratio`` times the median of the 50 steps before it (of
        the five sampled last, where those are fewer) and ``min_z`` robust standard deviations of
        the logarithm above it. It counts where the loss
        of the same step, taken with the same weights, leapt by less: ``min_ratio`` times its
        leap, measured in the range of 98 % of the losses before. A gradient that is large
        because the loss is large is a symptom of something else, and one after steps without any
        gradient follows them: norms of exactly zero are left out. The run
        was harmed when its loss ended having given back ``min_lost`` of what it had gained, or
        in its second half lay less than ``min_gain`` standard deviations of its noise below its
        start, or became NaN. Bursts
        that the run shrugged off are no finding; of a harmed run whose gradient was looked at
        now and then only, it is not said that there were none.

    When it is wrong:
        Norms that were recorded after clipping never leap. Norms of a single rank, or scaled for
        mixed precision, leap for reasons of their own.

    References:
        Pascanu, Mikolov & Bengio (2013), On the Difficulty of Training Recurrent Neural
        Networks. Godbole et al. (2023), Deep Learning Tuning Playbook.
    """

    id: ClassVar[str] = "TG201"
    name: ClassVar[str] = "exploding-gradients"
    default_severity: ClassVar[Severity] = Severity.CRITICAL
    explains: ClassVar[frozenset[str]] = (STANDSTILL | UPHEAVAL | MISJUDGED_VALIDATION) - {
        "exploding-gradients"
    }
    requires: ClassVar[tuple[Requirement, ...]] = (
        Requirement((Role.GRADIENT_NORM,), min_points=1),
        Requirement((Role.TRAIN_LOSS,), min_points=1),
    )

    min_ratio: float = 10.0
    min_z: float = 6.0
    min_lost: float = 0.25
    min_gain: float = 6.0

    def check(self, history: RunHistory) -> Outcome:
        """Look for bursts of the norm that came before the loss went wrong."""
        norm, loss = _nonzero(history.get(Role.GRADIENT_NORM)), history.get(Role.TRAIN_LOSS)
        if norm is None or loss is None:
            return self.abstained("no gradient norm, or none but zero")
        if norm.sampling is Sampling.THINNED:
            return self.abstained(
                "the gradient norm is thinned, so bursts may be missing", "keep the full record"
            )
        where, ratio = self._bursts(norm, loss)
        largest = float(np.nanmax(ratio[where])) if len(where) else _largest(ratio)
        span = (
            (float(norm.steps[where[0]]), float(norm.steps[where[-1]]))
            if len(where)
            else norm.span
        )
        leap = Evidence(
            norm.key, "norm over the median of 50 steps before", largest, self.min_ratio, span
        )
        harm = self._harm(loss, span[0])
        if harm is None:
            return self.passed(leap)
        if len(where):
            return self._report(history, norm, where, leap, harm)
        if norm.sampling is Sampling.EVERY_STEP:
            return self.passed(leap)
        return self.abstained(
            f"{harm.words}, and the gradient was looked at in {_looked_at(norm):.0%} of the "
            "steps: it may have burst in between",
            "record the gradient norm at more steps: the callback's budget= says how many",
        )

    def _bursts(self, norm: Series, loss: Series) -> tuple[NDArray[np.intp], FloatArray]:
        """Find the bursts that the loss does not account for; infinite norms are bursts too."""
        finite = np.where(norm.is_finite, norm.values, np.nan)
        filled = np.where(norm.is_finite, finite, _last_finite(finite))
        where, ratio = bursts(filled, norm.steps, min_ratio=self.min_ratio, min_z=self.min_z)
        bad = np.flatnonzero(~norm.is_finite)
        ratio = np.where(norm.is_finite, ratio, np.inf)
        where = np.union1d(where, bad[:1]).astype(np.intp)
        kept = [i for i in where if self._is_out_of_proportion(loss, norm.steps[i], ratio[i])]
        return np.array(kept, dtype=np.intp), ratio

    def _is_out_of_proportion(self, loss: Series, step: float, ratio: float) -> bool:
        """Whether the norm of `step` leapt further than its loss, which has the same weights."""
        at = int(np.searchsorted(loss.steps, step, side="right")) - 1
        earlier = loss.values[: max(at, 1)]
        earlier = earlier[np.isfinite(earlier)]
        if at < 0 or len(earlier) == 0 or not np.isfinite(loss.values[at]):
            return False
        median = float(np.median(earlier[-50:]))
        low, high = np.percentile(earlier, [1.0, 99.0])  # single leaps are not covered ground
        reach = max(float(high - low), 3.0 * noise_scale(earlier))
        excess = (float(loss.values[at]) - median) / reach if reach > 0.0 else np.inf
        return ratio >= self.min_ratio * max(1.0, excess)

    def _harm(self, loss: Series, since: float) -> _Harm | None:
        """Say how the run was harmed since the first burst, or that it was not."""
        span = (since, float(loss.steps[-1]))
        if not loss.is_finite[-1]:
            bad = float(np.mean(~loss.is_finite))
            proof = Evidence(loss.key, "share of losses that are not finite", bad, 0.0, span)
            return _Harm("the loss became NaN or infinite", proof)
        curve = course(loss)
        if curve is None:
            return None
        lost = curve.lost / curve.gained if curve.gained > 0.0 else np.inf
        if lost >= self.min_lost and curve.lost >= 3.0 * curve.level_noise:
            words = "share of the gain that was lost again"
            proof = Evidence(loss.key, words, min(lost, 1e9), self.min_lost, span)
            return _Harm("the loss gave back what it had gained", proof)
        fall = curve.start - float(np.median(curve.levels[len(curve.levels) // 2 :]))
        spread = max(curve.level_noise, curve.noise / np.sqrt(5.0), 1e-12 * abs(curve.start))
        if fall <= self.min_gain * spread:
            words = "fall to the second half, in standard deviations of its noise"
            gain = fall / spread if spread > 0.0 else 0.0
            return _Harm(
                "the loss hardly came down", Evidence(loss.key, words, gain, self.min_gain, span)
            )
        return None

    def _report(
        self,
        history: RunHistory,
        norm: Series,
        where: NDArray[np.intp],
        leap: Evidence,
        harm: _Harm,
    ) -> Outcome:
        first = float(norm.steps[where[0]])
        often = f"{len(where)} times from step" if len(where) > 1 else "once, at step"
        burst = "burst" if norm.sampling is Sampling.EVERY_STEP else "was seen to burst"
        size = "infinite" if np.isinf(leap.value) else f"{leap.value:.3g} times its recent median"
        return self.found(
            f"The gradient norm {burst} {often} {first:g}{' on' if len(where) > 1 else ''}: it "
            f"was up to {size}, out of proportion to the loss. After that {harm.words}.",
            "One such step throws the weights far from where they were.",
            (leap, harm.proof),
            confidence=min(0.95, 0.75 + 0.05 * len(where)),
            prescriptions=for_bursts(history, _healthy_norm(norm, where)),
            view=View(
                (norm.key, harm.proof.metric),
                span=leap.steps,
                marks=((first, "first burst"),),
                log_scale=True,
            ),
        )


def _nonzero(norm: Series | None) -> Series | None:
    left = norm.where(norm.values != 0.0) if norm is not None else None
    return left if left is not None and len(left) else None


def _largest(ratio: FloatArray) -> float:
    finite = ratio[np.isfinite(ratio)]
    return float(finite.max()) if len(finite) else 1.0


def _looked_at(norm: Series) -> float:
    """Return the share of the steps that have a norm."""
    first, last = norm.span
    return len(norm) / (last - first + 1.0)


def _last_finite(values: FloatArray) -> FloatArray:
    """Replace NaN by the last finite value before it, by 1 where there is none."""
    index = np.where(np.isfinite(values), np.arange(len(values)), 0)
    filled = values[np.maximum.accumulate(index)]
    return np.where(np.isfinite(filled), filled, 1.0)


def _healthy_norm(norm: Series, where: NDArray[np.intp]) -> float:
    """Return the 90th percentile of the norms that were not bursts, nor came just after one."""
    is_healthy, gap = norm.is_finite.copy(), usual_gap(norm.steps)
    for burst in norm.steps[where]:
        is_healthy[(norm.steps >= burst) & (norm.steps < burst + 3.0 * gap)] = False
    before = norm.is_finite & (norm.steps < norm.steps[where[0]])
    chosen = norm.where(before if before.sum() >= 50 else is_healthy)
    return weighted_percentile(chosen.values, chosen.weights, 90.0) if len(chosen) else 0.0
