"""TG308: weight decay shrinks the weights faster than the data grows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tuneguard import keys
from tuneguard.findings import Evidence, Finding, Outcome, Severity, View
from tuneguard.history import Role, RunHistory, Series
from tuneguard.model_layers import typical
from tuneguard.prescriptions.regularisation import less_weight_decay
from tuneguard.prescriptions.wording import learning_rate_of, rounded
from tuneguard.rule import Requirement, Rule
from tuneguard.shortfall import shortfall

_EARLY, _LATE = 0.05, 0.75
_TARGET_SHARE = 0.05
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
        twentieth; healthy training makes it grow. The shrinking by decay alone, learning rate
        times weight decay and with momentum `m` over 1 - `m`, is at least ``min_share`` of the
        median update; of Adam with L2, which rescales the decay together with the gradient, that
        cannot be said and only the norm counts. And the training loss ended above ``min_short``
        of chance level, or of its start where chance level is not known.

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
    min_share: float = 0.2
    min_short: float = 0.35

    def check(self, history: RunHistory) -> Outcome:
        """Follow the norm of the weights, and hold decay against the update."""
        decay, rate = history.hyperparameters.weight_decay, learning_rate_of(history)
        if not decay or rate is None:
            return self.abstained("no weight decay is known to be set")
        kept, share = self._kept(history), self._share(history, rate * decay)
        if kept is None or share is None:
            return self.abstained(
                "norms of updates are not recorded beside their ratios to the weights",
                "attach the callback: it records both",
            )
        evidence = (kept,) if _is_coupled(history) else (kept, share)
        is_small = kept.value <= self.max_kept
        if not is_small or (not _is_coupled(history) and share.value < self.min_share):
            return self.passed(*evidence)
        short = shortfall(history, self.min_short)
        if isinstance(short, str):
            return self.abstained(short)
        if short.value < self.min_short:
            return self.passed(*evidence, short)
        return self._report(history, (*evidence, short), decay, share)

    def _kept(self, history: RunHistory) -> Evidence | None:
        weights = _weight_norm(history)
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

    def _share(self, history: RunHistory, shrinking: float) -> Evidence | None:
        updates = history.get(Role.UPDATE_RATIO)
        usual = typical(updates) if updates is not None else None
        if updates is None or not usual:
            return None
        slowing = 1.0 - min(history.hyperparameters.momentum or 0.0, 0.999)
        return Evidence(
            updates.key,
            "what decay alone takes off the weights in a step, over the median update",
            shrinking / slowing / usual,
            self.min_share,
            updates.span,
        )

    def _report(
        self,
        history: RunHistory,
        evidence: tuple[Evidence, ...],
        decay: float,
        share: Evidence,
    ) -> Finding:
        kept, short = evidence[0], evidence[-1]
        factor = 0.01 if _is_coupled(history) else _TARGET_SHARE / max(share.value, 1.0)
        suggested = rounded(decay * float(np.clip(factor, 1e-3, 0.1)))
        return self.found(
            f"With a weight decay of {decay:.3g} the weights shrank to {kept.value:.0%} of their "
            f"norm at the start, and the loss ended at {short.value:.0%} of the level of knowing "
            "nothing.",
            "Weights that are held near zero pass on neither the signal nor the gradient.",
            evidence,
            confidence=0.9,
            prescriptions=(less_weight_decay(history, suggested),),
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


def _is_coupled(history: RunHistory) -> bool:
    """Whether the optimizer rescales the decay together with the gradient."""
    return history.hyperparameters.optimizer in _COUPLED
