"""TG202: the gradient does not reach the early layers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from tuneguard import keys
from tuneguard.chance import reference_level
from tuneguard.findings import Abstained, Evidence, Finding, Outcome, Severity, View
from tuneguard.first_steps import largest_first_update, weight_growth
from tuneguard.history import Role, RunHistory
from tuneguard.model_layers import (
    GradientLevels,
    ModelLayers,
    evenly_picked,
    gradients_by_layer,
    model_layers,
    narrowest_width,
    share_rising,
    typical,
)
from tuneguard.prescriptions.orders import for_faded_gradients
from tuneguard.rule import Requirement, Rule
from tuneguard.shortfall import shortfall
from tuneguard.statistics.curve import course

Part = Literal["whole", "beginning", "first_points", "first"]
Levels = dict[str, GradientLevels]

_PARTS: tuple[Part, ...] = ("whole", "beginning")
_WORDS: dict[Part, str] = {"first_points": "first ", "first": "very first "}
_MOVED = 0.93
_BEGINNING = 0.2
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
        tenth. Only layers of at least ``min_points`` points count; at least ``min_layers`` of
        them are needed. The run was harmed when the loss stayed above ``min_stuck`` of chance
        level, or, where that is unknown, of its start. Where even the layer that moves most moves
        by less than ``min_update_ratio`` of its weights, the learning rate is too low for all of
        them; where an update of the first 20 steps was above ``max_first_update`` of the weights,
        the steps may have saturated or killed what the gradient has to pass.

        A run that got away from it late is found by the first ten gradients of
        ``min_layers_late`` layers, where that ratio is below ``max_ratio_late``, the loss left
        that level only after ``min_idle`` of the run, and ended above ``min_end``. The ratio may
        be up to ``max_ratio_rebuilt`` where the norm of all weights grew to ``min_rebuilt`` times
        what it was, or where that took ``min_idle_long`` of a run in which a layer did move by
        ``min_update_ratio``.

        An initialisation far too small is found by the very first gradient, before any step:
        the ratio is below ``max_ratio_first``, but not 0, the weights grew to ``min_growth``
        times what they were (``min_rebuilt``, where the ratio is below ``max_ratio_certain``),
        and the loss ended above ``min_end_grown``. The run built itself the weights that it
        should have begun with. Neither is said of hidden layers of at most ``max_few`` units, by
        the numbers of parameters: there the width is at fault.

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
        {
            "learning-rate-too-low",
            "no-learning",
            "stopped-too-early",
            "underfitting",
            "update-ratio-out-of-band",
        }
    )
    requires: ClassVar[tuple[Requirement, ...]] = (Requirement((Role.TRAIN_LOSS,), min_points=20),)

    max_ratio: float = 2e-3
    max_ratio_late: float = 1e-2
    max_ratio_rebuilt: float = 2.2e-2
    max_ratio_first: float = 1e-2
    max_ratio_certain: float = 1e-4
    min_order: float = 0.7
    min_stuck: float = 0.9
    min_update_ratio: float = 1e-3
    max_first_update: float = 0.2
    min_idle: float = 0.18
    min_idle_long: float = 0.5
    min_end: float = 0.25
    min_rebuilt: float = 1.5
    min_growth: float = 2.5
    min_end_grown: float = 0.15
    min_layers_late: int = 3
    min_layers: int = 4
    max_few: int = 3
    min_points: int = 5

    def check(self, history: RunHistory) -> Outcome:
        """Compare the gradient norms of the layers."""
        norms = gradients_by_layer(history, self.min_points)
        unusable = self._unusable(model_layers(history), len(norms))
        if unusable is not None:
            return unusable
        is_wide = (narrowest_width(history) or np.inf) > self.max_few
        if not history.is_running and is_wide and len(norms) >= self.min_layers_late:
            small = self._small_start(history, norms)
            if small is not None:
                harm = f"came down while the weights grew to {small[1].value:.2g} times their size"
                return self._report(history, norms, small, "first", harm)
            late = self._late_start(history, norms)
            if late is not None:
                harm = f"came down after {late[2].value:.0%} of the run only"
                return self._unless_thrown(history, norms, late, "first_points", harm)
        return self._all_along(history, norms)

    def _all_along(self, history: RunHistory, norms: Levels) -> Outcome:
        """Hold the layers against each other over the whole run."""
        if len(norms) < self.min_layers:
            few = f"the model has fewer than {self.min_layers} layers with weights"
            return self.abstained(few)
        evidence = self._fading(norms)
        if evidence is None:
            return self.passed(self._ratio(norms, "whole"))
        stuck = self._stuck(history)
        if isinstance(stuck, str):
            return self.abstained(stuck)
        if stuck.value < stuck.threshold or not self._moved(history):
            return self.passed(*evidence, stuck)
        return self._unless_thrown(
            history, norms, (*evidence, stuck), "whole", "did not come down"
        )

    def _unless_thrown(
        self,
        history: RunHistory,
        norms: Levels,
        evidence: tuple[Evidence, ...],
        part: Part,
        harm: str,
    ) -> Outcome:
        step = largest_first_update(history, self.max_first_update)
        if step is not None and step.value >= self.max_first_update:
            return self.abstained("the first updates were so large that they may have done it")
        return self._report(history, norms, evidence, part, harm)

    def _small_start(self, history: RunHistory, norms: Levels) -> tuple[Evidence, ...] | None:
        """Measure how far the weights had to grow after a first gradient that had faded."""
        ratio = replace(self._ratio(norms, "first"), threshold=self.max_ratio_first)
        is_certain = ratio.value <= self.max_ratio_certain
        growth = weight_growth(history, self.min_rebuilt if is_certain else self.min_growth)
        short = shortfall(history, self.min_end_grown)
        if growth is None or isinstance(short, str) or not 0.0 < ratio.value <= ratio.threshold:
            return None
        is_grown = growth.value >= growth.threshold and short.value >= short.threshold
        return (ratio, growth, short) if is_grown else None

    def _late_start(self, history: RunHistory, norms: Levels) -> tuple[Evidence, ...] | None:
        """Measure how long the loss stood still after first gradients that had faded."""
        loss, reference = history.get(Role.TRAIN_LOSS), reference_level(history)
        curve = course(loss) if loss is not None else None
        if loss is None or curve is None or reference is None:
            return None
        growth = weight_growth(history, self.min_rebuilt)
        moved = np.flatnonzero(curve.levels < _MOVED * reference.level)
        idle = float(curve.positions[moved[0]]) if len(moved) else 1.0
        is_rebuilt = growth is not None and growth.value >= growth.threshold
        is_sure = is_rebuilt or (idle >= self.min_idle_long and self._moved(history))
        limit = self.max_ratio_rebuilt if is_sure else self.max_ratio_late
        ratio = replace(self._ratio(norms, "first_points"), threshold=limit)
        order = share_rising([norm.first_points for norm in norms.values()])
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
            *((growth,) if is_rebuilt and growth is not None else ()),
        )

    def _report(
        self,
        history: RunHistory,
        norms: Levels,
        evidence: tuple[Evidence, ...],
        part: Part,
        harm: str,
    ) -> Finding:
        faded, names = evidence[0], list(norms)
        weakest = next(name for name in names if norms[name].series.key == faded.metric)
        strongest = max(names, key=lambda name: _level(norms[name], part))
        return self.found(
            f"The {_WORDS.get(part, 'median ')}gradient norm of layer {weakest} was "
            f"{faded.value:.2g} times that of layer {strongest}, and the loss {harm}.",
            "The early layers stay at their random initialisation.",
            evidence,
            confidence=0.9,
            prescriptions=for_faded_gradients(history),
            view=View(
                tuple(norms[name].series.key for name in evenly_picked(names, 5)),
                span=faded.steps,
                log_scale=True,
            ),
        )

    def _fading(self, norms: Levels) -> tuple[Evidence, Evidence] | None:
        """Return how far norms fade towards the input, or `None` where they do not."""
        if self._ratio(norms, "whole").value > self.max_ratio:
            return None
        for part in _PARTS:
            ratio, order = (
                self._ratio(norms, part),
                share_rising([_level(norm, part) for norm in norms.values()]),
            )
            if ratio.value <= self.max_ratio and order >= self.min_order:
                return ratio, Evidence(ratio.metric, _ORDER, order, self.min_order, ratio.steps)
        return None

    def _ratio(self, norms: Levels, part: Part) -> Evidence:
        """Hold the one that gets least of the first third of the layers against the strongest."""
        strongest = max(_level(norm, part) for norm in norms.values())
        first = list(norms.values())[: max(1, len(norms) // 3)]
        weakest = min(first, key=lambda norm: _level(norm, part))
        return Evidence(
            weakest.series.key,
            f"{_WORDS.get(part, 'median ')}gradient norm over that of the strongest layer",
            _level(weakest, part) / strongest if strongest > 0.0 else 0.0,
            self.max_ratio,
            weakest.series.span,
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

    def _moved(self, history: RunHistory) -> bool:
        """Whether some layer moved, over the run or at its beginning, or nobody knows."""
        ratios = history.of_layers(keys.UPDATE_RATIO).values()
        parts = [typical(one, until=until) for one in ratios for until in (_BEGINNING, 1.0)]
        known = [one for one in parts if one is not None]
        return not known or max(known) >= self.min_update_ratio

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


def _level(norm: GradientLevels, part: Part) -> float:
    level: float = getattr(norm, part)
    return level
