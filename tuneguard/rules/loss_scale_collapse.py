"""TG407: mixed precision skips steps again and again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tuneguard import keys
from tuneguard.findings import Evidence, Outcome, Severity, View
from tuneguard.history import Role, RunHistory, Series
from tuneguard.prescriptions.learning_rate import lower_learning_rate
from tuneguard.prescriptions.numerics import train_in_bfloat16
from tuneguard.rule import Rule
from tuneguard.symptoms import STANDSTILL

FloatArray = NDArray[np.float64]
_WINDOWS = 10


@dataclass(frozen=True)
class LossScaleCollapse(Rule):
    """Steps are skipped because gradients overflow, long after the loss scale was found.

    What it detects:
        A loss scaler that skips steps all through the run, or from some step on each of them.

    Why it matters:
        A skipped step costs its time and learns nothing, and each one halves the scale: in the
        end small gradients become zero.

    How it decides:
        A scale that is set too high costs some twenty steps at the start, and a step now and
        then when it is raised again; so the first ``start`` steps do not count. Of the others,
        at least ``min_skipped`` were skipped, ``min_count`` at the least, in at least half of
        the tenths of the run or in all of the last three. And values that were not finite must
        have been seen: a loop that steps its optimizer every few batches without saying so
        skips steps, too.

    When it is wrong:
        A scaler whose growth interval is set very short skips often, and harmlessly.

    References:
        Micikevicius et al. (2018), Mixed Precision Training.
    """

    id: ClassVar[str] = "TG407"
    name: ClassVar[str] = "loss-scale-collapse"
    default_severity: ClassVar[Severity] = Severity.WARNING
    explains: ClassVar[frozenset[str]] = STANDSTILL | {
        "exploding-gradients",
        "frozen-parameters",
        "non-finite-values",
        "vanishing-gradients",
    }

    start: int = 40
    min_skipped: float = 0.1
    min_count: int = 8

    def check(self, history: RunHistory) -> Outcome:
        """Count the skipped steps by tenths of the run."""
        counter = history.series.get(keys.SKIPPED_STEPS)
        counter = counter.finite() if counter is not None else None
        loss = history.get(Role.TRAIN_LOSS)
        if counter is None or len(counter) == 0 or loss is None or len(loss) == 0:
            return self.abstained("no skipped steps were recorded")
        first, last = loss.steps[0] + self.start, max(loss.steps[-1], counter.steps[-1])
        if last - first < self.start:
            return self.abstained("the run is too short to tell a start from the rest")
        edges = np.linspace(first, last, _WINDOWS + 1)
        skipped = np.diff(_count_until(counter, edges))
        evidence = Evidence(
            counter.key,
            f"share of steps skipped after the first {self.start}",
            float(skipped.sum() / (last - first)),
            self.min_skipped,
            (float(max(first, counter.steps[0])), float(counter.steps[-1])),
        )
        often = skipped / np.diff(edges) >= 0.5 * self.min_skipped
        is_lasting = often.sum() >= _WINDOWS // 2 or bool(often[-3:].all())
        is_much = skipped.sum() >= self.min_count and evidence.value >= self.min_skipped
        if not (is_lasting and is_much) or evidence.steps[0] > evidence.steps[1]:
            return self.passed(evidence)
        if not _has_overflowed(history):
            return self.abstained(
                f"{evidence.value:.0%} of the steps were not taken, and no gradient overflowed",
                "pass accumulate= where the optimizer steps every few batches",
            )
        because = "gradients overflowed again and again"
        return self.found(
            f"{skipped.sum():.0f} of the {last - first:.0f} steps after the first {self.start} "
            "were skipped, because their gradients overflowed.",
            "Skipped steps learn nothing, and each one halves the loss scale.",
            (evidence,),
            confidence=0.9,
            prescriptions=(
                train_in_bfloat16(evidence.value),
                lower_learning_rate(history, factor=0.3, because=because),
            ),
            view=View((counter.key,), span=evidence.steps),
        )


def _count_until(counter: Series, steps: FloatArray) -> FloatArray:
    """Return how many steps had been skipped up to each of `steps`."""
    at = np.searchsorted(counter.steps, steps, side="right")
    return np.concatenate([[0.0], counter.values])[at]


def _has_overflowed(history: RunHistory) -> bool:
    """Whether anything that is not finite was recorded or counted."""
    counted = history.series.get(keys.NON_FINITE)
    norm = history.get(Role.GRADIENT_NORM)
    has_bad_norm = norm is not None and not norm.is_finite.all()
    return has_bad_norm or (counted is not None and len(counted) > 0 and counted.values[-1] > 0.0)
