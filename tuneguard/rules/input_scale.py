"""TG408: the inputs are far off unit scale."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tuneguard import keys
from tuneguard.chance import first_over_chance
from tuneguard.findings import Evidence, Outcome, Severity, View
from tuneguard.history import Role, RunHistory, Series
from tuneguard.prescriptions.inputs import standardise_inputs
from tuneguard.rule import Requirement, Rule
from tuneguard.statistics.curve import course
from tuneguard.symptoms import STANDSTILL, UPHEAVAL

_FIRST_STEPS = 20.0


@dataclass(frozen=True)
class InputScale(Rule):
    """The inputs are so large that the network starts far from where it can learn.

    What it detects:
        Inputs far off unit scale, such as pixels from 0 to 255, in a network that suffers by it.

    Why it matters:
        The first layer gets gradients out of proportion to all others, and the first outputs
        are extreme: units die or saturate in the first steps.

    How it decides:
        The root mean square of what the model was given is at least ``min_scale``, as the
        callback measures it now and then. That alone is no fault, for a network may normalise
        by itself. So either the first loss is ``min_first_loss`` times chance level, or the
        gradient of the first layer was, in the first steps, at least ``min_gradient`` times the
        median of the other layers' (at least ``min_layers`` in all), or the run ended with
        ``min_left`` of chance level, or of its first loss, left. Where the inputs were not
        measured, the first two are needed.

    When it is wrong:
        A first layer with far more weights than the others has a larger gradient, too.

    References:
        LeCun, Bottou, Orr & Müller (1998), Efficient BackProp, section 4.3.
    """

    id: ClassVar[str] = "TG408"
    name: ClassVar[str] = "input-scale"
    default_severity: ClassVar[Severity] = Severity.WARNING
    requires: ClassVar[tuple[Requirement, ...]] = (Requirement((Role.TRAIN_LOSS,), min_points=5),)
    explains: ClassVar[frozenset[str]] = STANDSTILL | UPHEAVAL | {"bad-initial-loss"}

    min_scale: float = 8.0
    min_first_loss: float = 2.0
    min_gradient: float = 8.0
    min_left: float = 0.4
    min_layers: int = 3

    def check(self, history: RunHistory) -> Outcome:
        """Look at the inputs, the first loss and the gradients of the first steps."""
        loss = history.get(Role.TRAIN_LOSS)
        if loss is None:
            return self.abstained("the run has no training loss")
        scale = self._scale(history)
        if scale is not None and scale.value < self.min_scale:
            return self.passed(scale)
        signs = [one for one in (self._first_loss(history, loss), self._gradient(history)) if one]
        if scale is not None and (left := self._left(history, loss)) is not None:
            signs.append(left)
        if not signs:
            return self.abstained(
                "neither the first loss nor gradients of single layers tell of the inputs",
                "attach the callback before the first step",
            )
        wrong = [one for one in signs if one.value >= one.threshold]
        needed = 2 if scale is None else 1
        if len(wrong) < needed:
            if scale is not None and all(one.metric != loss.key for one in signs):
                return self.abstained("the loss has no positive level to be held against")
            return self.passed(*signs)
        moments = _moments(history)
        size = (
            f"had a root mean square of {scale.value:.3g}"
            if scale is not None
            else "seem to be far off unit scale"
        )
        return self.found(
            f"The inputs {size}: {_worded(wrong[0])}.",
            "Initialisation and learning rate are made for inputs of unit scale.",
            (*wrong, scale) if scale is not None else tuple(wrong),
            confidence=0.9 if scale is not None else 0.6,
            prescriptions=(standardise_inputs(*moments),),
            view=View((loss.key,), span=loss.span),
        )

    def _scale(self, history: RunHistory) -> Evidence | None:
        mean, deviation = _moments(history)
        series = history.series.get(keys.INPUT_DEVIATION)
        if mean is None or deviation is None or series is None:
            return None
        size = math.hypot(mean, deviation)
        return Evidence(
            series.key, "root mean square of the inputs", size, self.min_scale, series.span
        )

    def _first_loss(self, history: RunHistory, loss: Series) -> Evidence | None:
        ratio = first_over_chance(history)
        if ratio is None:
            return None
        first = float(loss.steps[0])
        words = "first loss over that of knowing nothing"
        return Evidence(loss.key, words, ratio, self.min_first_loss, (first, first))

    def _left(self, history: RunHistory, loss: Series) -> Evidence | None:
        """Measure how much of what there was to learn was left at the end."""
        curve = course(loss)
        if history.is_running or curve is None or curve.start <= 0.0:
            return None
        ratio = first_over_chance(history)
        level = curve.start if ratio is None else float(loss.values[0]) / ratio
        span = (float(loss.steps[len(loss) // 2]), float(loss.steps[-1]))
        words = "level at the end over that of a model that knows nothing"
        return Evidence(loss.key, words, curve.end / level, self.min_left, span)

    def _gradient(self, history: RunHistory) -> Evidence | None:
        """Hold the first layer's gradient against the median of the others, at the start."""
        layers = list(history.of_layers(keys.GRADIENT_NORM).values()) if history.layers else []
        parts = [
            one.where(one.steps < one.steps[0] + _FIRST_STEPS).finite()
            for one in layers
            if len(one)
        ]
        norms = [float(np.median(part.values)) for part in parts if len(part)]
        if len(norms) < self.min_layers or len(norms) < len(layers):
            return None
        others = float(np.median(norms[1:]))
        if others <= 0.0:
            return None
        words = "gradient norm of the first layer over the median of the others"
        return Evidence(layers[0].key, words, norms[0] / others, self.min_gradient, parts[0].span)


def _moments(history: RunHistory) -> tuple[float | None, float | None]:
    """Return mean and standard deviation of the inputs, where they were measured."""
    found = [history.series.get(key) for key in (keys.INPUT_MEAN, keys.INPUT_DEVIATION)]
    finite = [one.finite() for one in found if one is not None]
    if len(finite) < 2 or not all(len(one) for one in finite):
        return None, None
    mean, deviation = (float(np.median(one.values)) for one in finite)
    return mean, deviation


def _worded(evidence: Evidence) -> str:
    if evidence.statistic.startswith("first loss"):
        return f"the first loss was {evidence.value:.3g} times that of a model that knows nothing"
    if evidence.statistic.startswith("level at the end"):
        return f"the run ended at {evidence.value:.2g} times the loss of knowing nothing"
    return f"the first layer's gradient was {evidence.value:.3g} times that of the others"
