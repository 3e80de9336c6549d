"""TG405: the first loss is far above that of a model that knows nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tuneguard.chance import first_over_chance
from tuneguard.findings import Evidence, Outcome, Severity, View
from tuneguard.history import Role, RunHistory, Series
from tuneguard.prescriptions.orders import for_confident_outputs
from tuneguard.rule import Requirement, Rule
from tuneguard.statistics.curve import course
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
        deviations of the logarithm of the losses of the first steps. It is a warning where the
        run was harmed: where the loss took at least ``min_steps`` steps and ``min_harm`` of the
        run to come down to it, or where it ended at ``min_left`` of that or more.

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
    min_harm: float = 0.03
    min_steps: int = 10
    min_left: float = 0.4

    def check(self, history: RunHistory) -> Outcome:
        """Hold the first loss against that of a model that knows nothing."""
        loss = history.get(Role.TRAIN_LOSS)
        ratio = first_over_chance(history)
        if loss is None or ratio is None:
            return self.abstained(
                "the first loss, or what a model that knows nothing would have, is not known",
                "attach the callback before the first step, and pass num_classes",
            )
        first = float(loss.steps[0])
        evidence = Evidence(
            loss.key,
            "first loss over that of knowing nothing",
            ratio,
            self.min_ratio,
            (first, first),
        )
        if ratio < max(self.min_ratio, math.exp(min(self.min_noise * _noise(loss), 700.0))):
            return self.passed(evidence)
        chance = float(loss.values[0]) / ratio
        back = _first_below(loss, chance)
        spent = (back if back is not None else float(loss.steps[-1])) - first
        harm = Evidence(
            loss.key,
            "share of the run until the loss came down to chance level",
            spent / max(history.planned_steps or 0.0, float(loss.steps[-1]) - first, 1.0),
            self.min_harm,
            (first, first + spent),
        )
        left = self._left(history, loss, chance)
        is_slow = spent >= self.min_steps and harm.value >= self.min_harm
        proofs = [harm] if is_slow else []
        if left is not None and left.value >= self.min_left:
            proofs.append(left)
        until = f"until {loss.axis.value} {back:g}" if back is not None else "to the end"
        return self.found(
            f"The first loss was {ratio:.3g} times that of a model that knows nothing, and the "
            f"loss stayed above that {until}.",
            "The first steps were spent on undoing confident, wrong outputs.",
            (evidence, *proofs),
            confidence=0.7,
            severity=Severity.WARNING if proofs else Severity.INFO,
            prescriptions=for_confident_outputs(history, ratio),
            view=View((loss.key,), span=(first, first + spent), threshold=chance),
        )

    def _left(self, history: RunHistory, loss: Series, chance: float) -> Evidence | None:
        """Measure how much of chance level was left at the end."""
        curve = course(loss)
        if history.is_running or curve is None:
            return None
        span = (float(loss.steps[len(loss) // 2]), float(loss.steps[-1]))
        words = "level at the end over that of knowing nothing"
        return Evidence(loss.key, words, curve.end / chance, self.min_left, span)


def _noise(loss: Series) -> float:
    """Return the scale of the noise of the first losses' logarithms."""
    values = loss.finite().values[:_FIRST_POINTS]
    return noise_scale(np.log(values[values > 0.0]))


def _first_below(loss: Series, level: float) -> float | None:
    """Return the first step at which the loss, smoothed a little, is below a level."""
    finite = loss.finite()
    below = np.flatnonzero(running_median(finite.values, 5) <= level)
    return float(finite.steps[below[0]]) if len(below) else None
