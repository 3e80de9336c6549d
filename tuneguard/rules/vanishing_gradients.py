"""TG202: the gradient does not reach the early layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tuneguard import keys
from tuneguard.chance import reference_level
from tuneguard.findings import Abstained, Evidence, Outcome, Severity, View
from tuneguard.history import Role, RunHistory, Series
from tuneguard.prescriptions.signal import rectify_with_kaiming, residual_path
from tuneguard.rule import Requirement, Rule
from tuneguard.statistics.curve import course
from tuneguard.statistics.weighted import weighted_median


@dataclass(frozen=True)
class VanishingGradients(Rule):
    """The gradient fades on its way back, and the early layers do not learn.

    What it detects:
        Gradient norms of the first layers that are orders of magnitude below those of the other
        layers of the same network, in a run that does not learn.

    Why it matters:
        The early layers stay at their random initialisation, and the later ones have nothing to
        build on.

    How it decides:
        The median norm over time of the layer that gets least, among the first third, is below
        ``max_ratio`` of the layer that gets most; and the norms fall towards the input in at
        least ``min_order`` of the pairs of layers. Layers are held against each other, not
        against a constant, and only those of at least ``min_points`` points count; at least
        ``min_layers`` of them are needed. The run was harmed when the loss stayed above
        ``min_stuck`` of chance level, or, where that is unknown, of its start.

    When it is wrong:
        Layers of very different size or kind, such as embeddings, have norms of different size.
        Frozen layers get no gradient on purpose: they have no norm, and are left out.

    References:
        Bengio, Simard & Frasconi (1994), Learning Long-Term Dependencies with Gradient Descent
        Is Difficult. Glorot & Bengio (2010), Understanding the Difficulty of Training Deep
        Feedforward Neural Networks.
    """

    id: ClassVar[str] = "TG202"
    name: ClassVar[str] = "vanishing-gradients"
    default_severity: ClassVar[Severity] = Severity.CRITICAL
    explains: ClassVar[frozenset[str]] = frozenset({"no-learning", "underfitting"})
    requires: ClassVar[tuple[Requirement, ...]] = (Requirement((Role.TRAIN_LOSS,), min_points=20),)

    max_ratio: float = 1e-2
    min_order: float = 0.7
    min_stuck: float = 0.9
    min_layers: int = 4
    min_points: int = 10

    def check(self, history: RunHistory) -> Outcome:
        """Compare the gradient norms of the layers."""
        layers = self._norms_by_layer(history)
        unusable = self._unusable(history, len(layers))
        if unusable is not None:
            return unusable
        names, norms = list(layers), np.array(list(layers.values()))
        weakest = int(np.argmin(norms[: max(1, len(norms) // 3)]))
        series = history.of_layers(keys.GRADIENT_NORM)[names[weakest]]
        evidence = self._fading(series, norms, weakest)
        is_faded = evidence[0].value <= self.max_ratio and evidence[1].value >= self.min_order
        if not is_faded:
            return self.passed(*evidence)
        stuck = self._stuck(history)
        if stuck is None:
            return self.abstained("the loss has no positive level to be held against")
        if stuck.value < stuck.threshold:
            return self.passed(*evidence)
        strongest = names[int(np.argmax(norms))]
        return self.found(
            f"The median gradient norm of layer {names[weakest]} was {evidence[0].value:.2g} "
            f"times that of layer {strongest}, and the loss did not come down.",
            "The early layers stay at their random initialisation.",
            (*evidence, stuck),
            confidence=0.9,
            prescriptions=(residual_path(history), rectify_with_kaiming(history)),
            view=View(
                tuple(history.of_layers(keys.GRADIENT_NORM)[name].key for name in _spread(names)),
                span=evidence[0].steps,
                log_scale=True,
            ),
        )

    def _fading(
        self, series: Series, norms: NDArray[np.float64], weakest: int
    ) -> tuple[Evidence, Evidence]:
        """Measure how much less the weakest layer gets, and whether norms fall towards it."""
        share = float(norms[weakest] / norms.max()) if norms.max() > 0.0 else 0.0
        return (
            Evidence(
                series.key,
                "median gradient norm over that of the strongest layer",
                share,
                self.max_ratio,
                series.span,
            ),
            Evidence(
                series.key,
                "share of layer pairs whose norm falls towards the input",
                _order(norms),
                self.min_order,
                series.span,
            ),
        )

    def _unusable(self, history: RunHistory, layers: int) -> Abstained | None:
        """Say why the layers cannot be held against each other, or `None` if they can."""
        if layers == 0:
            return self.abstained(
                "no gradient norms of single layers are recorded",
                "attach the callback: it records a gradient norm for each layer",
            )
        if layers < self.min_layers:
            return self.abstained(
                f"the model has fewer than {self.min_layers} layers with weights"
            )
        if not history.layers:
            return self.abstained(
                "the order of the layers is not known",
                "keep the full record: it holds the layers from input to output",
            )
        return None

    def _norms_by_layer(self, history: RunHistory) -> dict[str, float]:
        found: dict[str, float] = {}
        for layer, series in history.of_layers(keys.GRADIENT_NORM).items():
            finite = series.finite()
            if len(finite) >= self.min_points:
                found[layer] = weighted_median(finite.values, finite.weights)
        return found

    def _stuck(self, history: RunHistory) -> Evidence | None:
        """Measure how far the loss stayed from anything learned."""
        loss = history.get(Role.TRAIN_LOSS)
        curve = course(loss) if loss is not None else None
        if loss is None or curve is None:
            return None
        reference = reference_level(history)
        level = reference.level if reference is not None else curve.start
        if level <= 0.0:
            return None
        words = reference.words if reference is not None else "its first level"
        return Evidence(
            loss.key, f"best level over {words}", curve.best / level, self.min_stuck, loss.span
        )


def _order(norms: NDArray[np.float64]) -> float:
    """Return the share of pairs of layers in which the one nearer the input has less."""
    later, earlier = np.triu_indices(len(norms), 1)[::-1]
    return float(np.mean(norms[earlier] < norms[later]))


def _spread(names: list[str], most: int = 5) -> list[str]:
    """Pick at most `most` layers, evenly from first to last."""
    picks = np.unique(np.linspace(0, len(names) - 1, min(most, len(names))).astype(int))
    return [names[i] for i in picks]
