"""TG406: gradients pile up from step to step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tuneguard import keys
from tuneguard.findings import Evidence, Outcome, Severity, View
from tuneguard.history import Role, RunHistory
from tuneguard.prescriptions.orders import for_kept_gradients
from tuneguard.rule import Rule
from tuneguard.symptoms import MISJUDGED_VALIDATION, STANDSTILL, UPHEAVAL


@dataclass(frozen=True)
class MissingZeroGrad(Rule):
    """Gradients are not zeroed: each step uses the sum of all gradients so far.

    What it detects:
        Backward passes that add to the gradient of the step before.

    Why it matters:
        The steps are as with a momentum of 1: the weights swing past every minimum, and swing
        wider the longer the run goes on.

    How it decides:
        At the first steps the callback looks at one gradient right before a backward pass adds
        to it, and compares it with what the optimizer's step left. In the median over at least
        ``min_looks`` such steps, ``min_carried`` of it was still there. Micro-batches that are
        accumulated within a step, and closures that the optimizer calls, begin with nothing,
        as it should be.

    When it is wrong:
        Gradients may be carried over on purpose, in place of an optimizer's momentum.

    References:
        None: it is measured directly.
    """

    id: ClassVar[str] = "TG406"
    name: ClassVar[str] = "missing-zero-grad"
    default_severity: ClassVar[Severity] = Severity.CRITICAL
    explains: ClassVar[frozenset[str]] = STANDSTILL | UPHEAVAL | MISJUDGED_VALIDATION

    min_carried: float = 0.9
    min_looks: int = 3

    def check(self, history: RunHistory) -> Outcome:
        """Look at what was left of gradients when the next ones came."""
        series = history.series.get(keys.CARRIED_GRADIENT)
        series = series.finite() if series is not None else None
        if series is None or len(series) < self.min_looks:
            return self.abstained(
                "what gradients are added to was not recorded",
                "attach the callback before the first step",
            )
        evidence = Evidence(
            series.key,
            "share of a step's gradient that the next backward pass added to",
            float(np.median(series.values)),
            self.min_carried,
            series.span,
        )
        if evidence.value < evidence.threshold:
            return self.passed(evidence)
        shown = [
            one.key
            for role in (Role.TRAIN_LOSS, Role.GRADIENT_NORM)
            if (one := history.get(role)) is not None
        ]
        return self.found(
            "Gradients were not zeroed: backward passes added to what the step before had left.",
            "Each step uses the sum of all gradients so far, which swings past every minimum.",
            (evidence,),
            confidence=0.99,
            prescriptions=for_kept_gradients(history),
            view=View(tuple(shown) or (series.key,), span=series.span),
        )
