"""TG202: the gradient does not reach the early layers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tuneguard import keys
from tuneguard.chance import reference_level
from tuneguard.findings import Abstained, Evidence, Finding, Outcome, Severity, View
from tuneguard.first_steps import largest_first_update
from tuneguard.history import Role, RunHistory, Series
from tuneguard.model_layers import ModelLayers, model_layers, typical
from tuneguard.prescriptions.orders import for_faded_gradients
from tuneguard.rule import Requirement, Rule
from tuneguard.shortfall import shortfall
from tuneguard.statistics.curve import course

_WHOLE, _BEGINNING, _FIRST = 0, 1, 2
_FIRST_PART = 0.1
_FIRST_POINTS = 10
_MOVED = 0.93
_ORDER = "share of layer pairs whose norm falls towards the input"


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
        Of each layer the median norm over the run counts, over the root of its number of
        parameters where sizes are known. That of the layer that gets least, among the first
        third, is below ``max_ratio`` of the layer that gets most; and the norms fall towards the
        input in at least ``min_order`` of the pairs of layers, over the run or over its first
        tenth. Layers are held against each other, not against a constant, and only those of at
        least ``min_points`` points count; at least ``min_layers`` of them are needed. The run
        was harmed when the loss stayed above ``min_stuck`` of chance level, or, where that is
        unknown, of its start. Where even the layer that moves most moves by less than
        ``min_update_ratio`` of its weights, the learning rate is too low for all of them; where
        an update of the first 20 steps was above ``max_first_update`` of the weights, it may be
        the steps that saturated or killed what the gradient has to pass. A run that got away
        from it late is found by the first ten gradients of ``min_layers_late`` layers, where that
        ratio is below ``max_ratio_late``, the loss left that level only after ``min_idle`` of the
        run, and ended above ``min_end``.

    When it is wrong:
        Layers of very different kind, such as embeddings, have norms of different size. Frozen
        layers get no gradient on purpose: they have no norm, and are left out. A gradient that
        is lost because weights decayed to nothing, or units died, fades as well; there the
        finding is a symptom of theirs.

    References:
        Bengio, Simard & Frasconi (1994), Learning Long-Term Dependencies with Gradient Descent
        Is Difficult. Glorot & Bengio (2010), Understanding the Difficulty of Training Deep
        Feedforward Neural Networks.
    """

    id: ClassVar[str] = "TG202"
    name: ClassVar[str] = "vanishing-gradients"
    default_severity: ClassVar[Severity] = Severity.CRITICAL
    explains: ClassVar[frozenset[str]] = frozenset(
        {"learning-rate-too-low", "no-learning", "underfitting", "update-ratio-out-of-band"}
    )
    requires: ClassVar[tuple[Requirement, ...]] = (Requirement((Role.TRAIN_LOSS,), min_points=20),)

    max_ratio: float = 2e-3
    max_ratio_late: float = 1e-2
    min_order: float = 0.7
    min_stuck: float = 0.9
    min_update_ratio: float = 1e-3
    max_first_update: float = 0.2
    min_idle: float = 0.18
    min_end: float = 0.25
    min_layers_late: int = 3
    min_layers: int = 4
    min_points: int = 5

    def check(self, history: RunHistory) -> Outcome:
        """Compare the gradient norms of the layers."""
        model = model_layers(history)
        norms = self._norms_by_layer(history, model)
        unusable = self._unusable(model, len(norms))
        if unusable is not None:
            return unusable
        late = self._late_start(history, norms)
        if late is not None:
            return self._unless_thrown(history, norms, late, part=_FIRST)
        return self._all_along(history, norms)

    def _all_along(self, history: RunHistory, norms: dict[str, _Norm]) -> Outcome:
        """Hold the layers against each other over the whole run."""
        if len(norms) < self.min_layers:
            return self.abstained(
                f"the model has fewer than {self.min_layers} layers with weights"
            )
        weakest = _weakest(norms, _WHOLE)
        evidence = self._fading(norms, weakest)
        if evidence is None:
            return self.passed(self._ratio(norms, weakest, _WHOLE))
        stuck = self._stuck(history)
        if isinstance(stuck, str):
            return self.abstained(stuck)
        fastest = self._fastest(history)
        if stuck.value < stuck.threshold or (
            fastest is not None and fastest.value < self.min_update_ratio
        ):
            return self.passed(*evidence, stuck, *([fastest] if fastest is not None else []))
        return self._unless_thrown(history, norms, (*evidence, stuck), part=_WHOLE)

    def _unless_thrown(
        self,
        history: RunHistory,
        norms: dict[str, _Norm],
        evidence: tuple[Evidence, ...],
        part: int,
    ) -> Outcome:
        step = largest_first_update(history, self.max_first_update)
        if step is not None and step.value >= self.max_first_update:
            return self.abstained("the first updates were so large that they may have done it")
        return self._report(history, norms, evidence, part)

    def _late_start(
        self, history: RunHistory, norms: dict[str, _Norm]
    ) -> tuple[Evidence, ...] | None:
        """Measure how long the loss stood still after first gradients that had faded."""
        loss, reference = history.get(Role.TRAIN_LOSS), reference_level(history)
        curve = course(loss) if loss is not None else None
        is_unfit = history.is_running or len(norms) < self.min_layers_late
        if is_unfit or loss is None or curve is None or reference is None:
            return None
        ratio = self._ratio(norms, _weakest(norms, _FIRST), _FIRST)
        ratio = replace(ratio, threshold=self.max_ratio_late)
        order = _order(np.array([norm.levels[_FIRST] for norm in norms.values()]))
        moved = np.flatnonzero(curve.levels < _MOVED * reference.level)
        idle = float(curve.positions[moved[0]]) if len(moved) else 1.0
        end = curve.end / reference.level
        is_late = self.min_idle <= idle < 1.0 and end >= self.min_end
        if not is_late or ratio.value > ratio.threshold or order < self.min_order:
            return None
        words = f"share of the run before the loss left {reference.words}"
        at = float(curve.steps[moved[0]])
        return (
            ratio,
            Evidence(ratio.metric, _ORDER, order, self.min_order, ratio.steps),
            Evidence(loss.key, words, idle, self.min_idle, (float(loss.steps[0]), at)),
            Evidence(
                loss.key, f"level at the end over {reference.words}", end, self.min_end, loss.span
            ),
        )

    def _report(
        self,
        history: RunHistory,
        norms: dict[str, _Norm],
        evidence: tuple[Evidence, ...],
        part: int,
    ) -> Finding:
        faded, names = evidence[0], list(norms)
        weakest = next(name for name in names if norms[name].series.key == faded.metric)
        strongest = max(names, key=lambda name: norms[name].levels[part])
        first, harm = "", "did not come down"
        if part == _FIRST:
            first, harm = "first ", f"came down after {evidence[2].value:.0%} of the run only"
        return self.found(
            f"The median {first}gradient norm of layer {weakest} was {faded.value:.2g} "
            f"times that of layer {strongest}, and the loss {harm}.",
            "The early layers stay at their random initialisation.",
            evidence,
            confidence=0.9,
            prescriptions=for_faded_gradients(history),
            view=View(
                tuple(norms[name].series.key for name in _spread(names)),
                span=faded.steps,
                log_scale=True,
            ),
        )

    def _fading(self, norms: dict[str, _Norm], weakest: str) -> tuple[Evidence, Evidence] | None:
        """Return how far norms fade towards the input, or `None` where they do not.

        What the first tenth of the run shows counts where the rest agrees on the ratio: later, a
        gradient may be lost so far that no order is left.
        """
        if self._ratio(norms, weakest, _WHOLE).value > self.max_ratio:
            return None
        for part in (_WHOLE, _BEGINNING):
            ratio = self._ratio(norms, _weakest(norms, part), part)
            order = _order(np.array([norm.levels[part] for norm in norms.values()]))
            if ratio.value <= self.max_ratio and order >= self.min_order:
                return ratio, Evidence(ratio.metric, _ORDER, order, self.min_order, ratio.steps)
        return None

    def _ratio(self, norms: dict[str, _Norm], layer: str, part: int) -> Evidence:
        strongest = max(norm.levels[part] for norm in norms.values())
        series = norms[layer].series
        return Evidence(
            series.key,
            "median gradient norm over that of the strongest layer",
            norms[layer].levels[part] / strongest if strongest > 0.0 else 0.0,
            self.max_ratio,
            series.span,
        )

    def _unusable(self, model: ModelLayers, layers: int) -> Abstained | None:
        """Say why the layers cannot be held against each other, or `None` if they can."""
        if layers == 0:
            return self.abstained(
                "no gradient norms of single layers are recorded",
                "attach the callback: it records a gradient norm for each layer",
            )
        if not model.names and layers >= self.min_layers:
            return self.abstained(
                "the order of the layers is not known",
                "keep the full record: it holds the layers from input to output",
            )
        return None

    def _norms_by_layer(self, history: RunHistory, model: ModelLayers) -> dict[str, _Norm]:
        """Return the layers from input to output, as far as the order is known."""
        found = history.of_layers(keys.GRADIENT_NORM)
        ranks = {name: rank for rank, name in enumerate(model.names)}
        is_sized = all(model.sizes.get(name) for name in found)
        norms: dict[str, _Norm] = {}
        for name in sorted(found, key=lambda name: ranks.get(name, len(ranks))):
            series = found[name].finite()
            scale = np.sqrt(model.sizes[name]) if is_sized else 1.0
            levels = typical(series), typical(series, until=_FIRST_PART)
            if len(series) >= self.min_points and levels[0] is not None:
                begun = levels[0] if levels[1] is None else levels[1]
                first = float(np.median(series.values[:_FIRST_POINTS]))
                norms[name] = _Norm(series, (levels[0] / scale, begun / scale, first / scale))
        return norms

    def _fastest(self, history: RunHistory) -> Evidence | None:
        """Return the update ratio of the layer that moves most, where it is known."""
        medians = {
            one.key: median
            for one in history.of_layers(keys.UPDATE_RATIO).values()
            if (median := typical(one)) is not None
        }
        if not medians:
            return None
        key = max(medians, key=lambda one: medians[one])
        words = "median update to weight ratio of the layer that moves most"
        return Evidence(key, words, medians[key], self.min_update_ratio, history.series[key].span)

    def _stuck(self, history: RunHistory) -> Evidence | str:
        """Measure how far the loss stayed from anything learned, or say why nobody can."""
        short = shortfall(history, self.min_stuck)
        loss = history.get(Role.TRAIN_LOSS)
        curve = course(loss) if loss is not None else None
        if isinstance(short, str) or loss is None or curve is None or curve.end == 0.0:
            return short
        words = short.statistic.replace("level at the end", "best level")
        best = short.value * curve.best / curve.end
        return replace(short, statistic=words, value=best, steps=loss.span)


@dataclass(frozen=True, slots=True)
class _Norm:
    """The gradient norm of a layer: over the run, over its beginning, and at its first points."""

    series: Series
    levels: tuple[float, float, float]


def _weakest(norms: dict[str, _Norm], part: int) -> str:
    """Return which of the first third of the layers gets least."""
    first = list(norms)[: max(1, len(norms) // 3)]
    return min(first, key=lambda name: norms[name].levels[part])


def _order(norms: NDArray[np.float64]) -> float:
    """Return the share of pairs of layers in which the one nearer the input has less."""
    later, earlier = np.triu_indices(len(norms), 1)[::-1]
    return float(np.mean(norms[earlier] < norms[later]))


def _spread(names: list[str], most: int = 5) -> list[str]:
    """Pick at most `most` layers, evenly from first to last."""
    picks = np.unique(np.linspace(0, len(names) - 1, min(most, len(names))).astype(int))
    return [names[i] for i in picks]
