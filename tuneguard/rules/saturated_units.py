"""TG204: tanh and sigmoid units stuck at their ends from the start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from tuneguard import keys
from tuneguard.findings import Evidence, Finding, Outcome, Severity, View
from tuneguard.first_steps import largest_first_update
from tuneguard.history import Role, RunHistory, Series
from tuneguard.model_layers import in_natural_order, typical, typical_of_each
from tuneguard.prescriptions.orders import for_saturation
from tuneguard.prescriptions.outputs import bare_output, bound_of_outputs
from tuneguard.rule import Requirement, Rule
from tuneguard.shortfall import shortfall

_SOFTMAX = ("Softmax", "Softmin", "Softmax2d")
_AT_FIRST = 0.15
_HALF = 0.5


@dataclass(frozen=True)
class SaturatedUnits(Rule):
    """Units with two flat ends sat at them from the start, and the run learned badly.

    What it detects:
        A layer of tanh, sigmoid or the like most of whose outputs were saturated from the first
        steps to the last, in a run that ended far from having learned.

    Why it matters:
        At a flat end the slope is nearly zero: whatever is before that layer is hardly told
        anything, and stays as it was initialised.

    How it decides:
        In some layer the median share of saturated outputs was at least ``min_saturated`` both
        early, over the first 15 % of the run, and over its second half, while the training loss
        ended above ``min_short`` of chance level, or of its start where chance level is not
        known. Of a layer with at least ``min_nearly_all`` of its outputs saturated, a loss above
        ``min_short_of_all`` is enough. Where an update of the first 20 steps was above
        ``max_first_update`` of the weights, the steps saturated the units, not the
        initialisation. Networks that saturate late, as many do that learn well, pass. Outputs of
        the model that reach the loss through such an activation, scaled or not, are pushed
        against its ends by targets beyond them: there ``min_saturated_outputs`` over the second
        half, and a loss above ``min_short``, are enough.

    When it is wrong:
        A gate that is meant to be open or shut is saturated by right. Rows of a softmax are
        counted under the same key: where a model has no other such activation, it abstains.

    References:
        Glorot & Bengio (2010), Understanding the Difficulty of Training Deep Feedforward Neural
        Networks. LeCun et al. (1998), Efficient BackProp, sections 4.3 to 4.6.
    """

    id: ClassVar[str] = "TG204"
    name: ClassVar[str] = "saturated-units"
    default_severity: ClassVar[Severity] = Severity.WARNING
    explains: ClassVar[frozenset[str]] = frozenset(
        {
            "divergence",
            "exploding-gradients",
            "learning-rate-too-high",
            "learning-rate-too-low",
            "no-learning",
            "stopped-too-early",
            "underfitting",
            "update-ratio-out-of-band",
            "vanishing-gradients",
        }
    )
    requires: ClassVar[tuple[Requirement, ...]] = (Requirement((Role.TRAIN_LOSS,), min_points=20),)

    min_saturated: float = 0.7
    min_saturated_outputs: float = 0.5
    min_nearly_all: float = 0.9
    min_short: float = 0.3
    min_short_of_all: float = 0.2
    max_first_update: float = 0.2

    def check(self, history: RunHistory) -> Outcome:
        """Look for the layer that was most saturated early and late."""
        layers = in_natural_order(history.of_layers(keys.SATURATED_UNITS))
        early = typical_of_each(layers, until=_AT_FIRST)
        late = typical_of_each(layers, since=_HALF)
        known = {name: min(share, late[name]) for name, share in early.items() if name in late}
        if not known or _has_softmax_only(history):
            return self.abstained(
                "no shares of saturated units are recorded",
                "attach the callback, and use modules such as nn.Tanh",
            )
        worst = max(known, key=lambda name: known[name])
        evidence = self._saturation(layers[worst], known[worst])
        if evidence.value < self.min_saturated:
            return self._of_outputs(history, layers) or self.passed(evidence)
        is_nearly_all = evidence.value >= self.min_nearly_all
        short = shortfall(history, self.min_short_of_all if is_nearly_all else self.min_short)
        if isinstance(short, str):
            return self.abstained(short)
        if short.value < short.threshold:
            return self.passed(evidence, short)
        step = largest_first_update(history, self.max_first_update)
        if step is not None and step.value >= self.max_first_update:
            return self.abstained("the first updates were so large that they may have done it")
        others = [share for name, share in known.items() if name != next(iter(known))]
        is_of_inputs = worst == next(iter(known)) and max(others, default=0.0) < _HALF
        return self._report(history, worst, (evidence, short), is_of_inputs=is_of_inputs)

    def _of_outputs(self, history: RunHistory, layers: Mapping[str, Series]) -> Finding | None:
        """Find outputs of the model that ended at the bounds which they reach the loss through."""
        bound, short = bound_of_outputs(history), shortfall(history, self.min_short)
        late = typical_of_each(layers, since=_HALF)
        worst = max(late, key=lambda name: late[name])
        share = late[worst]
        is_held = share >= self.min_saturated_outputs
        if bound is None or isinstance(short, str) or not is_held or short.value < short.threshold:
            return None
        words = "median share of saturated outputs over the second half"
        key, span = layers[worst].key, layers[worst].span
        limit = self.min_saturated_outputs
        return self.found(
            f"Outputs reach the loss through a {bound}, and {share:.0%} of those of layer {worst} "
            f"ended at its bounds, with the loss at {short.value:.0%} of the level of knowing "
            "nothing.",
            "The targets lie beyond what the model can put out.",
            (Evidence(key, words, share, limit, span), short),
            confidence=0.8,
            prescriptions=(bare_output(bound, "loss"),),
            view=View((key,), span=span, threshold=limit),
        )

    def _saturation(self, series: Series, share: float) -> Evidence:
        return Evidence(
            series.key,
            "median share of saturated outputs, the lower of early and late in the run",
            share,
            self.min_saturated,
            series.span,
        )

    def _report(
        self,
        history: RunHistory,
        layer: str,
        evidence: tuple[Evidence, Evidence],
        *,
        is_of_inputs: bool,
    ) -> Finding:
        saturated, short = evidence
        mean, deviation = (
            typical(history.series[key]) if key in history.series else None
            for key in (keys.INPUT_MEAN, keys.INPUT_DEVIATION)
        )
        return self.found(
            f"In layer {layer} {saturated.value:.0%} of the outputs were saturated from the "
            f"start to the end, and the loss ended at {short.value:.0%} of the level of knowing "
            "nothing.",
            "At a flat end the slope is nearly zero, and the layers before it are told nothing.",
            evidence,
            confidence=0.8,
            prescriptions=for_saturation(
                history, saturated.value, (mean, deviation) if is_of_inputs else None
            ),
            view=View((saturated.metric,), span=saturated.steps, threshold=self.min_saturated),
        )


def _has_softmax_only(history: RunHistory) -> bool:
    known = history.hyperparameters.activations or ""
    bounded = ("Tanh", "Sigmoid", "Softsign", "Hardtanh", "Hardsigmoid")
    return any(name in known for name in _SOFTMAX) and not any(name in known for name in bounded)
