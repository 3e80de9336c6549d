"""TG308: weight decay shrinks the weights faster than the data grows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tuneguard import keys
from tuneguard.findings import Evidence, Finding, Outcome, Severity, View
from tuneguard.history import Role, RunHistory, Series
from tuneguard.model_layers import typical
from tuneguard.prescriptions.orders import for_strong_decay
from tuneguard.prescriptions.wording import rounded
from tuneguard.rule import Requirement, Rule
from tuneguard.shortfall import shortfall

_EARLY, _LATE = 0.05, 0.75
_FIRST_POINTS = 5
_TARGET_PULL = 0.02
_COUPLED = ("Adam", "NAdam", "RAdam", "Adamax", "Adagrad", "Adadelta", "RMSprop")


@dataclass(frozen=True)
class WeightDecayOverwhelming(Rule):
    """Weight decay took the weights below where they began, and the loss stayed high.

    What it detects:
        A weight decay so strong that the weights shrink all the time, in a run whose training
        loss ends far from having learned.

    Why it matters:
        Weights that fit the data must grow; held near zero, they pass on neither the signal nor
        the gradient.

    How it decides:
        Weight decay is set. Over the last quarter of the run the norm of all weights, which is
        the norm of the update over the update ratio, was below ``max_kept`` of that of its first
        twentieth; healthy training makes it grow. Over the first five points recorded, decay
        takes at least ``min_pull`` of what the steps do: learning rate times weight decay over
        the update ratio. Of Adam with L2, which rescales the decay together with the gradient, it
        is weight decay times the norm of the weights over that of the gradient. So early this
        says nothing of how long the steps are, as both grow with the learning rate. And the
        training loss ended above ``min_short`` of chance level, or of its start where chance
        level is not known.

    When it is wrong:
        Weights that begin far too large shrink by right, and the loss falls. Where layers are
        followed by normalisation, the scale of their weights has no effect on what they compute.

    References:
        Loshchilov & Hutter (2019), Decoupled Weight Decay Regularization. Krogh & Hertz (1991), A
        Simple Weight Decay Can Improve Generalization. van Laarhoven (2017), L2 Regularization
        versus Batch and Weight Normalization.
    """

    id: ClassVar[str] = "TG308"
    name: ClassVar[str] = "weight-decay-overwhelming"
    default_severity: ClassVar[Severity] = Severity.WARNING
    explains: ClassVar[frozenset[str]] = frozenset(
        {
            "dead-units",
            "divergence",
            "learning-rate-oscillation",
            "learning-rate-too-high",
            "no-learning",
            "underfitting",
            "update-ratio-out-of-band",
            "vanishing-gradients",
        }
    )
    requires: ClassVar[tuple[Requirement, ...]] = (
        Requirement((Role.TRAIN_LOSS,), min_points=20),
        Requirement((Role.UPDATE_RATIO,), min_points=10),
    )

    max_kept: float = 0.9
    min_pull: float = 0.1
    min_short: float = 0.2

    def check(self, history: RunHistory) -> Outcome:
        """Follow the norm of the weights, and hold decay against the update."""
        decay = history.hyperparameters.weight_decay
        if not decay:
            return self.abstained("no weight decay is known to be set")
        weights = _weight_norm(history)
        kept, pull = self._kept(weights), self._pull(history, weights, decay)
        if kept is None or pull is None:
            return self.abstained(
                "norms of gradients and updates are not recorded beside the update ratios",
                "attach the callback: it records them",
            )
        evidence = (kept, pull)
        if kept.value > self.max_kept or pull.value < self.min_pull:
            return self.passed(*evidence)
        short = shortfall(history, self.min_short)
        if isinstance(short, str):
            return self.abstained(short)
        if short.value < self.min_short:
            return self.passed(*evidence, short)
        return self._report(history, (*evidence, short), decay)

    def _kept(self, weights: Series | None) -> Evidence | None:
        first = typical(weights, until=_EARLY) if weights is not None else None
        last = typical(weights, since=_LATE) if weights is not None else None
        if weights is None or last is None or not first:
            return None
        return Evidence(
            keys.UPDATE_RATIO_GLOBAL,
            "norm of the weights over the last quarter, over that of the first twentieth",
            last / first,
            self.max_kept,
            weights.span,
        )

    def _pull(self, history: RunHistory, weights: Series | None, decay: float) -> Evidence | None:
        """Measure what decay does to the weights in the first steps, over what the steps do."""
        is_coupled = history.hyperparameters.optimizer in _COUPLED
        series = history.get(Role.GRADIENT_NORM if is_coupled else Role.UPDATE_RATIO)
        own = weights if is_coupled else _rate(history)
        known = series.where(series.is_finite & (series.values > 0.0)) if series else None
        if series is None or own is None or not known:
            return None
        steps, values = known.steps[:_FIRST_POINTS], known.values[:_FIRST_POINTS]
        pulls = decay * np.interp(steps, own.steps, own.values) / values
        words = (
            "decay times the norm of the weights, over that of the gradient, in the first steps"
            if is_coupled
            else "what decay alone takes off the weights, over the update, in the first steps"
        )
        span = (float(steps[0]), float(steps[-1]))
        return Evidence(series.key, words, float(np.median(pulls)), self.min_pull, span)

    def _report(
        self,
        history: RunHistory,
        evidence: tuple[Evidence, Evidence, Evidence],
        decay: float,
    ) -> Finding:
        kept, pull, short = evidence
        suggested = rounded(decay * float(np.clip(_TARGET_PULL / pull.value, 1e-3, 0.1)))
        return self.found(
            f"With a weight decay of {decay:.3g} the weights shrank to {kept.value:.0%} of their "
            f"norm at the start, and the loss ended at {short.value:.0%} of the level of knowing "
            "nothing.",
            "Weights that are held near zero pass on neither the signal nor the gradient.",
            evidence,
            confidence=0.9,
            prescriptions=for_strong_decay(history, suggested),
            view=View(
                (keys.UPDATE_RATIO_GLOBAL, keys.UPDATE_NORM_GLOBAL), kept.steps, log_scale=True
            ),
        )


def _weight_norm(history: RunHistory) -> Series | None:
    """Return the norm of all weights, where update norm and ratio were sampled together."""
    norms = history.series.get(keys.UPDATE_NORM_GLOBAL)
    ratios = history.series.get(keys.UPDATE_RATIO_GLOBAL)
    if norms is None or ratios is None:
        return None
    _, at_norm, at_ratio = np.intersect1d(norms.steps, ratios.steps, return_indices=True)
    ratio, norm = ratios.values[at_ratio], norms.values[at_norm]
    is_known = np.isfinite(norm) & np.isfinite(ratio) & (ratio > 0.0)
    if not is_known.any():
        return None
    steps = norms.steps[at_norm][is_known]
    return Series.from_arrays("weight_norm/global", steps, norm[is_known] / ratio[is_known])


def _rate(history: RunHistory) -> Series | None:
    """Return the learning rate, or the one in the run's params as a series of one point."""
    series, known = history.get(Role.LEARNING_RATE), history.hyperparameters.learning_rate
    if series is not None and series.is_finite.any():
        return series.finite()
    return Series.from_points("learning_rate", [(0.0, known)]) if known is not None else None
