"""TG205: parameters that should train and do not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from tuneguard import keys
from tuneguard.findings import Evidence, Finding, Outcome, Prescription, Severity, View
from tuneguard.history import Role, RunHistory, Series
from tuneguard.model_layers import ModelLayers, model_layers, typical
from tuneguard.prescriptions.orders import for_a_standstill
from tuneguard.prescriptions.wiring import join_graph, train_layers, unfreeze
from tuneguard.prescriptions.wording import listed
from tuneguard.rule import Requirement, Rule

Way = Literal["missing", "still", "detached", "random"]

_WORDS: Mapping[Way, str] = {
    "missing": "is in no optimizer and was never updated",
    "still": "had a gradient and was never updated",
    "detached": "never got a gradient, although it requires one",
    "random": "is frozen at its random initialisation",
}


@dataclass(frozen=True)
class FrozenParameters(Rule):
    """Layers that nobody froze on purpose were never changed by any step.

    What it detects:
        Layers that are missing from the optimizer, that the gradient does not reach because the
        graph is cut, whose updates are exactly zero, or that were frozen before they had
        learned anything.

    Why it matters:
        They stay at their random initialisation while the rest works around them; nothing says
        so, and the loss may even fall.

    How it decides:
        Still: at all of at least ``min_samples`` sampled steps the update of a layer was exactly
        zero, while its median gradient norm was above ``min_gradient`` of the strongest layer's:
        a gradient that vanished is another matter. The layer counts as missing from the
        optimizer where the recorder found it in none. Detached: the first of the layers that
        require a gradient have none from any step, while a later one has; a layer further back
        without a gradient is taken for an unused head. Frozen at random: they require no
        gradient, and their weights are as an initialisation leaves them; frozen layers that were
        trained before are left alone. In each case they hold at least ``min_share`` of the
        parameters, or of the layers where sizes are not known.

    When it is wrong:
        Another optimizer that the callback was not told of may train them. Random features are
        frozen at random on purpose.

    References:
        Karpathy (2019), A Recipe for Training Neural Networks. Jiang et al. (2025), Training
        with Confidence: Catching Silent Errors in Deep Learning Training with Automated
        Proactive Checks.
    """

    id: ClassVar[str] = "TG205"
    name: ClassVar[str] = "frozen-parameters"
    default_severity: ClassVar[Severity] = Severity.WARNING
    explains: ClassVar[frozenset[str]] = frozenset(
        {
            "learning-rate-too-high",
            "learning-rate-too-low",
            "loss-plateau",
            "no-learning",
            "stopped-too-early",
            "underfitting",
            "update-ratio-out-of-band",
            "vanishing-gradients",
        }
    )
    requires: ClassVar[tuple[Requirement, ...]] = (
        Requirement((Role.UPDATE_RATIO, Role.GRADIENT_NORM), min_points=5),
    )

    min_samples: int = 5
    min_share: float = 0.01
    min_gradient: float = 1e-4

    def check(self, history: RunHistory) -> Outcome:
        """Look for layers that did not move, in the order of how sure that is a fault."""
        model = model_layers(history)
        updates = history.of_layers(keys.UPDATE_RATIO)
        norms = history.of_layers(keys.GRADIENT_NORM)
        if not updates or not norms:
            return self.abstained(
                "no gradients and updates of single layers are recorded",
                "attach the callback: it records both for each layer",
            )
        reached = self._reached(norms)
        still = [name for name, one in updates.items() if name in reached and self._is_still(one)]
        ways: dict[Way, list[str]] = {
            "missing": [name for name in model.unoptimized if name in still],
            "still": [name for name in still if name not in model.unoptimized],
            "detached": self._detached(model, norms),
            "random": list(model.frozen_at_random),
        }
        found = {way: self._amount(model, updates, layers) for way, layers in ways.items()}
        worst = max(found, key=lambda way: found[way])
        evidence = self._evidence(history, worst, ways[worst], found[worst])
        if evidence.value < self.min_share:
            return self.passed(evidence)
        return self._report(history, worst, ways[worst], evidence)

    def _is_still(self, series: Series) -> bool:
        return len(series) >= self.min_samples and not series.values.any()

    def _reached(self, norms: Mapping[str, Series]) -> set[str]:
        """Return the layers at which a gradient arrives that is not lost beside the others."""
        medians = {name: typical(series) or 0.0 for name, series in norms.items()}
        strongest = max(medians.values())
        return {name for name, one in medians.items() if one > self.min_gradient * strongest}

    def _detached(self, model: ModelLayers, norms: Mapping[str, Series]) -> list[str]:
        """Return the first layers that could have a gradient, if they have none."""
        reached = [name for name, series in norms.items() if len(series) >= self.min_samples]
        cut: list[str] = []
        for name in model.names:
            if name in reached:
                return cut
            if name not in model.frozen and name not in norms:
                cut.append(name)
        return []

    def _amount(
        self, model: ModelLayers, updates: Mapping[str, Series], layers: list[str]
    ) -> float:
        share = model.share(layers)
        return len(layers) / max(1, len(updates)) if share is None else share

    def _evidence(
        self, history: RunHistory, way: Way, layers: list[str], share: float
    ) -> Evidence:
        own = [f"{keys.UPDATE_RATIO}/{layer}" for layer in layers]
        metric = next((key for key in own if key in history.series), _whole(history))
        return Evidence(
            metric,
            f"share of the parameters in a layer that {_WORDS[way]}",
            share,
            self.min_share,
            history.series[metric].span,
        )

    def _report(
        self, history: RunHistory, way: Way, layers: list[str], evidence: Evidence
    ) -> Finding:
        rates = history.get(Role.LEARNING_RATE)
        is_rate_zero = way == "still" and rates is not None and not np.any(rates.values)
        is_whole = evidence.value >= 1.0
        fixes: dict[Way, tuple[Prescription, ...]] = {
            "missing": (train_layers(history, layers),),
            "still": for_a_standstill(history, layers, is_whole=is_whole),
            "detached": (join_graph(layers),),
            "random": (unfreeze(history, layers),),
        }
        moved = [one.key for one in history.of_layers(keys.UPDATE_RATIO).values()]
        others = [key for key in moved if key != evidence.metric]
        what = f"Layer {layers[0]}" if len(layers) == 1 else f"Each of the layers {listed(layers)}"
        why_still = "; the learning rate was 0 throughout" if is_rate_zero else ""
        return self.found(
            f"{what} {_WORDS[way]}{why_still}: {evidence.value:.0%} of the parameters.",
            "What is not trained stays at random, and the rest has to work around it.",
            (evidence,),
            confidence=0.85 if way == "random" else 0.95,
            prescriptions=fixes[way],
            severity=Severity.CRITICAL if is_whole else None,
            view=View((evidence.metric, *others[:3]), span=evidence.steps),
        )


def _whole(history: RunHistory) -> str:
    role = Role.UPDATE_RATIO if Role.UPDATE_RATIO in history.roles else Role.GRADIENT_NORM
    return history.roles[role]
