"""TG405: the first loss is far above that of a model that knows nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tuneguard.chance import first_over_chance, number_of_classes
from tuneguard.findings import Evidence, Finding, Outcome, Severity, View
from tuneguard.first_outputs import first_outputs
from tuneguard.history import Role, RunHistory, Series
from tuneguard.prescriptions.orders import for_confident_outputs, for_targets_off_centre
from tuneguard.rule import Requirement, Rule
from tuneguard.statistics.robust import noise_scale, running_median
from tuneguard.symptoms import STANDSTILL, UPHEAVAL

_FIRST_POINTS = 60


@dataclass(frozen=True)
class BadInitialLoss(Rule):
    """The first loss is far above what the initialisation should give.

    What it detects:
        A first loss that is a multiple of that of a uniform guess, or, in a regression, of that
        of predicting the mean.

    Why it matters:
        The model begins confident and wrong. Its first steps, when the learning rate is highest,
        are spent on undoing that, and may throw weights out of reach.

    How it decides:
        The loss of the first step, which has the initial weights, is at least ``min_ratio``
        times that of knowing nothing (``ln C`` in a classification; in a regression what the
        recorded ``R²`` says of the spread of the targets: where it is 0 or less, the squared
        error of that validation is at least as high), and above it by ``min_noise`` standard
        deviations of the logarithm of the losses of the first steps. What it cost is how far the
        loss lay above that of knowing nothing until it came down to it, summed over the steps: it
        is a warning from ``min_harm`` of the run on, and ``min_steps`` steps, at twice chance
        level. In a regression the mean of the targets may be what is far from 0, and no fault
        lies in the model: it is a warning only where the outputs are seen to be large, their mean
        square at least ``min_outputs`` of the spread of the targets, by the gradient and the
        weights of the last layer; else it is advice.

    When it is wrong:
        A loss that adds other terms to a cross-entropy begins higher. Where classes are very
        unequal, or pretrained outputs are those of another task, so does a sound run.

    References:
        Karpathy (2019), A Recipe for Training Neural Networks.
    """

    id: ClassVar[str] = "TG405"
    name: ClassVar[str] = "bad-initial-loss"
    default_severity: ClassVar[Severity] = Severity.INFO
    requires: ClassVar[tuple[Requirement, ...]] = (Requirement((Role.TRAIN_LOSS,), min_points=10),)
    explains: ClassVar[frozenset[str]] = STANDSTILL | UPHEAVAL

    min_ratio: float = 2.0
    min_noise: float = 4.0
    min_harm: float = 0.04
    min_steps: int = 10
    min_outputs: float = 0.5

    def check(self, history: RunHistory) -> Outcome:
        """Hold the first loss against that of a model that knows nothing."""
        loss = history.get(Role.TRAIN_LOSS)
        ratio = first_over_chance(history)
        if loss is None or ratio is None:
            return self.abstained(
                "the first loss, or what a model that knows nothing would have, is not known",
                "attach the callback before the first step, and pass num_classes",
            )
        at = (float(loss.steps[0]), float(loss.steps[0]))
        start = Evidence(
            loss.key, "first loss over that of knowing nothing", ratio, self.min_ratio, at
        )
        if ratio < max(self.min_ratio, math.exp(min(self.min_noise * _noise(loss), 700.0))):
            return self.passed(start)
        way = _Way.down_to(history, loss, float(loss.values[0]) / ratio)
        words = "what the loss lay above chance level on its way down, times its share of the run"
        harm = Evidence(loss.key, words, way.harm, self.min_harm, (way.first, way.last))
        is_harmed = way.harm >= self.min_harm and way.steps_lost >= self.min_steps
        proofs = (start, harm) if is_harmed else (start,)
        if number_of_classes(history) is None:
            outputs = first_outputs(history, way.chance, self.min_outputs)
            if outputs is None or outputs.value < self.min_outputs:
                return self._of_targets(way, proofs) if is_harmed else self.passed(start)
            proofs = (*proofs, outputs)
        severity = Severity.WARNING if is_harmed else Severity.INFO
        return self._of_outputs(history, way, proofs, severity)

    def _of_outputs(
        self, history: RunHistory, way: _Way, proofs: tuple[Evidence, ...], severity: Severity
    ) -> Finding:
        """Return what is found where the outputs are confident and wrong."""
        ratio = proofs[0].value
        return self.found(
            f"The first loss was {ratio:.3g} times that of a model that knows nothing, and the "
            f"loss stayed above that {way.until}.",
            "The first steps were spent on undoing confident, wrong outputs.",
            proofs,
            confidence=0.7,
            severity=severity,
            prescriptions=for_confident_outputs(history, ratio),
            view=way.view,
        )

    def _of_targets(self, way: _Way, proofs: tuple[Evidence, ...]) -> Finding:
        """Return what is found where the targets may be what is far from 0."""
        return self.found(
            f"The first loss was {proofs[0].value:.3g} times that of predicting the mean of the "
            f"targets, and stayed above that {way.until}: outputs begin near 0, and the targets "
            "seem to lie elsewhere.",
            "The first steps were spent on finding the mean of the targets.",
            proofs,
            confidence=0.6,
            severity=Severity.INFO,
            prescriptions=for_targets_off_centre(),
            view=way.view,
        )


@dataclass(frozen=True, slots=True)
class _Way:
    """How the loss came down to that of knowing nothing.

    Attributes:
        loss: The training loss.
        chance: The loss of knowing nothing.
        first: The first step.
        last: The step at which the loss had come down, or the last step.
        is_down: Whether it came down.
        steps_lost: Its height above `chance`, over `chance`, summed over the steps until then.
        harm: The same over the steps of the run.
    """

    loss: Series
    chance: float
    first: float
    last: float
    is_down: bool
    steps_lost: float
    harm: float

    @classmethod
    def down_to(cls, history: RunHistory, loss: Series, chance: float) -> _Way:
        """Follow the loss, smoothed a little, down to a level."""
        finite = loss.finite()
        below = np.flatnonzero(running_median(finite.values, 5) <= chance)
        first, end = float(loss.steps[0]), float(loss.steps[-1])
        last = float(finite.steps[below[0]]) if len(below) else end
        above = np.maximum(finite.values / chance - 1.0, 0.0)
        lengths = np.diff(finite.steps, append=finite.steps[-1] + 1.0)
        lost = float(np.sum((above * lengths)[finite.steps < last]))
        run = max(history.planned_steps or 0.0, end - first, 1.0)
        return cls(loss, chance, first, last, len(below) > 0, lost, lost / run)

    @property
    def until(self) -> str:
        """Say how long it took."""
        return f"until {self.loss.axis.value} {self.last:g}" if self.is_down else "to the end"

    @property
    def view(self) -> View:
        """What to draw of it."""
        return View((self.loss.key,), span=(self.first, self.last), threshold=self.chance)


def _noise(loss: Series) -> float:
    """Return the scale of the noise of the first losses' logarithms."""
    values = loss.finite().values[:_FIRST_POINTS]
    return noise_scale(np.log(values[values > 0.0]))
