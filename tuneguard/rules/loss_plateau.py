"""TG304: the loss stopped falling where shorter steps would take it further."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tuneguard.chance import Reference, reference_level
from tuneguard.findings import Evidence, Outcome, Severity, View
from tuneguard.history import Axis, Role, RunHistory, Series
from tuneguard.prescriptions.orders import for_a_plateau
from tuneguard.rule import Requirement, Rule
from tuneguard.statistics.change_points import change_points
from tuneguard.statistics.curve import Curve, course
from tuneguard.statistics.noise_floor import held_up_loss


@dataclass(frozen=True)
class LossPlateau(Rule):
    """The loss settled on the noise of its steps, at a learning rate that never came down.

    What it detects:
        A run whose progress stopped while the loss was still high, at a constant learning rate,
        with so much of the loss held up by the noise of the batches that a decay would bring it
        down.

    Why it matters:
        From there on the run jumps about in the neighbourhood of what it could reach; the same
        budget with a decay at its end gets there.

    How it decides:
        Over the second half of the run the learning rate stayed within a factor of
        ``max_change`` and above half of its peak; between the last two quarters the loss fell by
        less than ``max_pace`` of all that it came down; it ended between ``min_end`` and
        ``max_end`` of chance level, or of its start where that is unknown. How much a decay would
        gain follows from the norms of gradients and updates: around a minimum, noise holds the
        loss up by a quarter of their product, times what momentum adds. A warning takes
        ``min_gain`` of chance level and ``min_share`` of the loss that is left; from
        ``min_gain_advice`` on it is advice. A loss that noisy labels or a
        small model keep up is not held up by the steps.

    When it is wrong:
        Dropout adds noise to the gradient that a decay of the learning rate does not take from
        the training loss. Far from a minimum the estimate is too high.

    References:
        Mandt, Hoffman & Blei (2017), Stochastic Gradient Descent as Approximate Bayesian
        Inference. Smith, Kindermans, Ying & Le (2018), Don't Decay the Learning Rate, Increase
        the Batch Size.
    """

    id: ClassVar[str] = "TG304"
    name: ClassVar[str] = "loss-plateau"
    default_severity: ClassVar[Severity] = Severity.WARNING
    explains: ClassVar[frozenset[str]] = frozenset({"underfitting", "wasted-epochs"})
    requires: ClassVar[tuple[Requirement, ...]] = (
        Requirement((Role.TRAIN_LOSS,), min_points=60),
        Requirement((Role.LEARNING_RATE,), min_points=10),
    )

    max_change: float = 1.5
    max_pace: float = 0.05
    min_end: float = 0.3
    max_end: float = 0.95
    min_gain: float = 0.2
    min_gain_advice: float = 0.15
    min_share: float = 0.2

    def check(self, history: RunHistory) -> Outcome:
        """Hold what a decay would gain against what is left of the loss."""
        loss, rate = history.get(Role.TRAIN_LOSS), history.get(Role.LEARNING_RATE)
        curve = course(loss) if loss is not None else None
        if history.is_running:
            return self.abstained("where a run settles shows when it has ended")
        if loss is None or rate is None or curve is None or curve.start <= 0.0:
            return self.abstained("the loss is not positive, so nobody knows what is left of it")
        if curve.gained <= 0.0 or not self._is_constant(rate):
            return self.abstained("the loss never fell, or the learning rate changed by itself")
        held_up = held_up_loss(history)
        if held_up is None or not np.isfinite(held_up):
            return self.abstained(
                "no norms of gradients and updates are recorded",
                "attach the callback: it records what the noise of the steps follows from",
            )
        known = reference_level(history)
        reference = known or Reference(curve.start, "start", "its start")
        evidence = self._measure(loss, curve, reference, held_up)
        pace, end, gain, share = evidence
        is_settled = pace.value <= pace.threshold and end.value <= self.max_end
        if not is_settled or any(one.value < one.threshold for one in (end, gain, share)):
            return self.passed(*evidence)
        return self._report(history, loss, evidence, reference)

    def _is_constant(self, rate: Series) -> bool:
        known = rate.finite()
        late = known.where(known.positions >= 0.5).values
        if len(late) == 0 or late.min() <= 0.0:
            return False
        is_high = float(np.median(late)) >= 0.5 * float(known.values.max())
        return is_high and float(late.max() / late.min()) <= self.max_change

    def _measure(
        self, loss: Series, curve: Curve, reference: Reference, held_up: float
    ) -> tuple[Evidence, Evidence, Evidence, Evidence]:
        late = curve.after(0.5)
        quarter = max(1, len(late) // 2)
        fell = float(np.median(late[:quarter]) - np.median(late[-quarter:]))
        span = (float(loss.steps[len(loss) // 2]), float(loss.steps[-1]))

        def of_loss(statistic: str, value: float, limit: float) -> Evidence:
            return Evidence(loss.key, statistic, value, limit, span)

        return (
            of_loss(
                "fall between the last two quarters, as a share of the whole fall",
                fell / curve.gained,
                self.max_pace,
            ),
            of_loss(
                f"level at the end over {reference.words}",
                curve.end / reference.level,
                self.min_end,
            ),
            of_loss(
                f"loss that the noise of the steps holds up, over {reference.words}",
                held_up / reference.level,
                self.min_gain_advice,
            ),
            of_loss(
                "loss that the noise of the steps holds up, as a share of what is left",
                held_up / max(curve.end, 1e-300),
                self.min_share,
            ),
        )

    def _report(
        self,
        history: RunHistory,
        loss: Series,
        evidence: tuple[Evidence, Evidence, Evidence, Evidence],
        reference: Reference,
    ) -> Outcome:
        gain = evidence[2].value
        since = _settled_at(loss)
        planned = history.planned_steps or int(loss.steps[-1]) + 1
        return self.found(
            f"The loss settled by {loss.axis.value} {since:g} at {evidence[1].value:.0%} of "
            f"{reference.words}, and long steps hold up about {gain:.0%} of that level.",
            "A learning rate that comes down would take the loss further in the same time.",
            evidence,
            confidence=0.7,
            severity=Severity.WARNING if gain >= self.min_gain else Severity.INFO,
            prescriptions=for_a_plateau(
                history, planned, since if loss.axis is Axis.STEP else None
            ),
            view=View(
                (loss.key,), span=(since, float(loss.steps[-1])), marks=((since, "settled"),)
            ),
        )


def _settled_at(loss: Series) -> float:
    """Return the step of the last change in the course of the loss."""
    finite = loss.finite()
    is_positive = float(finite.values.min()) > 0.0
    places = change_points(np.log(finite.values) if is_positive else finite.values, degree=1)
    return float(finite.steps[places[-1] if len(places) else 0])
