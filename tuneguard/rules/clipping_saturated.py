"""TG206: nearly every update is clipped to a small part of itself, and the run crawls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tuneguard import keys
from tuneguard.findings import Evidence, Finding, Outcome, Severity, View
from tuneguard.history import Role, RunHistory, Series
from tuneguard.model_layers import typical
from tuneguard.prescriptions.orders import for_tight_clipping
from tuneguard.rule import Requirement, Rule
from tuneguard.shortfall import shortfall
from tuneguard.statistics.weighted import weighted_percentile

_SCALED_BY_NORM = ("sgd", "asgd")
_EARLY = 0.05


@dataclass(frozen=True)
class ClippingSaturated(Rule):
    """The gradient is clipped to a small part of its length at nearly every step.

    What it detects:
        A clipping limit far below the gradient's usual norm, in a run that learns too slowly
        because of it.

    Why it matters:
        Clipping is meant for rare bursts. Where it takes most of every step, the limit, and not
        the learning rate, decides how far a step goes.

    How it decides:
        At ``min_share`` of the time or more, clipping left less than ``max_factor`` of the
        gradient's norm; the median update was below ``max_update_ratio`` of the weights; and the
        training loss ended above ``min_short`` of chance level, or of its start where that is
        not known. It takes ``min_points`` sampled steps to tell. Only plain gradient descent,
        with momentum or without, is judged: Adam and its like divide by the size of recent
        gradients, so a constant factor changes nothing.

    When it is wrong:
        A run that learns nothing for another reason may also be clipped hard. A limit that a
        loop applies to each parameter, or to values in place of the norm, is seen by its effect
        on the norm only.

    References:
        Pascanu, Mikolov & Bengio (2013), On the Difficulty of Training Recurrent Neural
        Networks. Godbole et al. (2023), Deep Learning Tuning Playbook: where more than half of
        the updates are clipped, the learning rate or the limit is wrong.
    """

    id: ClassVar[str] = "TG206"
    name: ClassVar[str] = "clipping-saturated"
    default_severity: ClassVar[Severity] = Severity.WARNING
    explains: ClassVar[frozenset[str]] = frozenset(
        {"learning-rate-too-low", "no-learning", "stopped-too-early", "underfitting"}
    )
    requires: ClassVar[tuple[Requirement, ...]] = (Requirement((Role.TRAIN_LOSS,), min_points=20),)

    min_share: float = 0.9
    max_factor: float = 0.2
    max_update_ratio: float = 2e-3
    min_short: float = 0.5
    min_points: int = 10

    def check(self, history: RunHistory) -> Outcome:
        """Measure how much clipping left of the gradient, and what came of it."""
        factors = history.series.get(keys.CLIPPING_FACTOR)
        factors = factors.finite() if factors is not None else None
        if factors is None or len(factors) < self.min_points:
            return self.abstained(
                "no clipping was seen",
                "clip after guard.on_after_backward(loss), where it can be measured",
            )
        evidence = self._factor(factors)
        if evidence.value > self.max_factor:
            return self.passed(evidence)
        optimizer = history.hyperparameters.optimizer
        if optimizer is None or optimizer.lower() not in _SCALED_BY_NORM:
            return self.abstained(
                f"{optimizer or 'an unknown optimizer'} may undo a constant factor by itself"
            )
        step, short = self._step(history), shortfall(history, self.min_short)
        if step is None or isinstance(short, str):
            return self.abstained("no update was measured" if step is None else str(short))
        if step.value > self.max_update_ratio or short.value < self.min_short:
            return self.passed(evidence, step, short)
        return self._report(history, evidence, step, short)

    def _factor(self, factors: Series) -> Evidence:
        """What clipping left of the gradient, but for the `min_share` hardest clipped."""
        value = weighted_percentile(factors.values, factors.weights, 100.0 * self.min_share)
        return Evidence(
            factors.key,
            f"norm after clipping over that before, exceeded at {1.0 - self.min_share:.0%} of "
            "the time",
            value,
            self.max_factor,
            factors.span,
        )

    def _step(self, history: RunHistory) -> Evidence | None:
        updates = history.get(Role.UPDATE_RATIO)
        value = typical(updates, since=_EARLY) if updates is not None else None
        if updates is None or value is None:
            return None
        return Evidence(
            updates.key,
            "median update to weight ratio",
            value,
            self.max_update_ratio,
            updates.span,
        )

    def _report(
        self, history: RunHistory, clipped: Evidence, step: Evidence, short: Evidence
    ) -> Finding:
        norms = history.get(Role.GRADIENT_NORM)
        known = norms.finite() if norms is not None else None
        usual = None
        if known is not None and len(known):
            usual = weighted_percentile(known.values, known.weights, 90.0)
        return self.found(
            f"Clipping left less than {clipped.value:.2g} of the gradient's norm at "
            f"{self.min_share:.0%} of the steps; updates were {step.value:.2g} of the weights, "
            f"and the loss ended at {short.value:.0%} of the level of knowing nothing.",
            "The limit decides how far a step goes, and it goes hardly anywhere.",
            (clipped, step, short),
            confidence=0.8,
            prescriptions=for_tight_clipping(history, clipped.value, usual),
            view=View((clipped.metric, step.metric), span=clipped.steps, log_scale=True),
        )
