"""TG203: ReLU units that never fire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tuneguard import keys
from tuneguard.findings import Evidence, Finding, Outcome, Severity, View
from tuneguard.first_steps import largest_first_update
from tuneguard.history import Role, RunHistory, Series
from tuneguard.model_layers import in_natural_order, model_layers, typical, typical_of_each
from tuneguard.prescriptions.orders import for_units_born_dead, for_units_killed
from tuneguard.rule import Requirement, Rule
from tuneguard.shortfall import shortfall

_RECTIFIERS = ("ReLU", "ReLU6", "Hardswish")
_HALF = 0.5


@dataclass(frozen=True)
class DeadUnits(Rule):
    """Most units of a layer never fire, from the start or since steps that were too large.

    What it detects:
        A layer most of whose rectified units put out zero for everything they are shown, in a
        run that learns badly or not at all.

    Why it matters:
        A unit that never fires gets no gradient, so it never recovers; a layer of them lets
        nothing through, neither the signal nor the gradient.

    How it decides:
        The layer with the largest share of dead units over the second half of the run has at
        least ``min_dead`` of them, ``min_lead`` more than the median layer unless that has as many
        or all of the layer is dead, and the training loss ended above ``min_short`` of chance
        level, or of its start where chance level is not known. The units were dead from the
        start if their share was within ``max_growth`` of that when they were first looked at, or
        a layer's very first gradient was exactly zero, while no update of the first 20 steps was
        above ``max_first_update`` of the weights. Otherwise they died: that is found only where
        at least ``min_all_dead`` of the layer did, the loss ended above ``min_stuck``, and an
        early update did reach ``max_first_update``. Functions such as ``relu()`` are seen by
        the gradient of the biases before them, which is exactly zero for a dead unit. A layer of
        at most ``max_few`` units, by the parameters of the one before it, is too narrow: one unit
        that died is all of it, and it is the width that is at fault.

    When it is wrong:
        Units that fire for fewer than one sample in a hundred look dead. In a trained network
        many may be so specialised; they were not dead from the start, and the loss is low.
        Without a bias before a functional ReLU, nothing is seen.

    References:
        Glorot, Bordes & Bengio (2011), Deep Sparse Rectifier Neural Networks. Lu, Shin, Su &
        Karniadakis (2020), Dying ReLU and Initialization: Theory and Numerical Examples. He et
        al. (2015), Delving Deep into Rectifiers.
    """

    id: ClassVar[str] = "TG203"
    name: ClassVar[str] = "dead-units"
    default_severity: ClassVar[Severity] = Severity.WARNING
    explains: ClassVar[frozenset[str]] = frozenset(
        {
            "learning-rate-too-low",
            "no-learning",
            "stopped-too-early",
            "underfitting",
            "update-ratio-out-of-band",
            "vanishing-gradients",
        }
    )
    requires: ClassVar[tuple[Requirement, ...]] = (Requirement((Role.TRAIN_LOSS,), min_points=20),)

    min_dead: float = 0.7
    min_lead: float = 0.3
    min_all_dead: float = 0.95
    min_short: float = 0.35
    min_stuck: float = 0.9
    max_first_update: float = 0.1
    max_growth: float = 0.1
    max_few: int = 3

    def check(self, history: RunHistory) -> Outcome:
        """Look for the layer with most dead units, and whether the run was harmed."""
        layers = _rectified(history)
        known = typical_of_each(layers, since=_HALF)
        if not known:
            return self.abstained(
                "no shares of dead units are recorded",
                "attach the callback, and use nn.ReLU modules or biases before relu()",
            )
        # where several are alike, the last is the one that blocks
        worst = max(reversed(known), key=lambda name: known[name])
        series = layers[worst]
        evidence = Evidence(
            series.key,
            "median share of units that never fired, over the second half",
            known[worst],
            self.min_dead,
            _span_after(series, _HALF),
        )
        if evidence.value < self.min_dead or not self._stands_out(list(known.values())):
            return self.passed(evidence)
        if _most_units(history, worst) <= self.max_few:
            return self.abstained("the layer has so few units that its width is to blame")
        short = shortfall(history, self.min_short)
        if isinstance(short, str):
            return self.abstained(short)
        if short.value < self.min_short:
            return self.passed(evidence, short)
        return self._by_origin(history, series, (evidence, short))

    def _stands_out(self, shares: list[float]) -> bool:
        """Whether units died in one layer or in all, as against the noise of many narrow ones."""
        most, median = max(shares), float(np.median(shares))
        is_lone = most >= self.min_all_dead or most - median >= self.min_lead
        return is_lone or median >= self.min_dead

    def _by_origin(
        self, history: RunHistory, series: Series, evidence: tuple[Evidence, Evidence]
    ) -> Outcome:
        """Tell units that were dead from the start from those that large steps killed."""
        dead, short = evidence
        step = largest_first_update(history, self.max_first_update)
        is_gentle = step is None or step.value < self.max_first_update
        finite = series.finite()
        first_share = float(finite.values[0])
        was_blocked = dead.value >= self.min_all_dead and _first_gradient_is_zero(history)
        if is_gentle and (was_blocked or dead.value - first_share <= self.max_growth):
            begun = Evidence(
                series.key,
                "share of units that did not fire when first looked at",
                first_share,
                dead.value - self.max_growth,
                (float(finite.steps[0]), float(finite.steps[0])),
            )
            return self._report(history, series, (dead, short, begun), was_born_dead=True)
        is_thrown = dead.value >= self.min_all_dead and short.value >= self.min_stuck
        if is_thrown and step is not None and not is_gentle:
            return self._report(history, series, (dead, short, step), was_born_dead=False)
        return self.abstained(
            "the units died while nothing was learned: cause and effect cannot be told apart"
        )

    def _report(
        self,
        history: RunHistory,
        series: Series,
        evidence: tuple[Evidence, Evidence, Evidence],
        *,
        was_born_dead: bool,
    ) -> Finding:
        dead, short, proof = evidence
        layer = series.key.partition("/")[2]
        if was_born_dead:
            origin = "and had never fired"
            fixes = for_units_born_dead(history, dead.value)
        else:
            origin = f"killed by updates of up to {proof.value:.2g} times the weights"
            fixes = for_units_killed(history, proof.value)
        return self.found(
            f"In layer {layer} {dead.value:.0%} of the units did not fire over the second half, "
            f"{origin}; the loss ended at {short.value:.0%} of the level of knowing nothing.",
            "A unit that never fires gets no gradient, and never recovers.",
            evidence,
            confidence=0.9 if dead.value >= self.min_all_dead else 0.75,
            prescriptions=fixes,
            view=View((series.key,), span=series.span, threshold=self.min_dead),
        )


def _rectified(history: RunHistory) -> Mapping[str, Series]:
    """Return the shares of dead units by layer; of functional ReLUs, those without a gradient.

    Where the last layer gets no gradient either, the loss sends none, and no unit is to blame.
    """
    measured = history.of_layers(keys.DEAD_UNITS)
    if measured:
        return in_natural_order(measured)
    has_ends = bool(history.of_layers(keys.SATURATED_UNITS))
    activations = history.hyperparameters.activations or ""
    if has_ends and not any(name in activations for name in _RECTIFIERS):
        return {}
    layers = history.of_layers(keys.ZERO_GRADIENT_UNITS)
    last = typical(next(reversed(layers.values())), _HALF) if layers else None
    return layers if last is not None and last < _HALF else {}


def _most_units(history: RunHistory, layer: str) -> float:
    """Return how many units a layer has at most; infinite where that is not known.

    A unit has a weight and a bias, so the layer with parameters that feeds it, or is it, has no
    more than half as many units as parameters.
    """
    sizes = model_layers(history).sizes
    ordered = list(in_natural_order(dict.fromkeys((*sizes, layer))))
    before = [name for name in ordered[: ordered.index(layer) + 1] if name in sizes]
    return sizes[before[-1]] // 2 if before else float("inf")


def _first_gradient_is_zero(history: RunHistory) -> bool:
    firsts = [series.finite() for series in history.of_layers(keys.GRADIENT_NORM).values()]
    return any(len(one) > 0 and float(one.values[0]) == 0.0 for one in firsts)


def _span_after(series: Series, position: float) -> tuple[float, float]:
    steps = series.steps[series.positions >= position]
    return float(steps[0]), float(steps[-1])
