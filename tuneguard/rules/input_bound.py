"""TG501: the loop waits for data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tuneguard import keys
from tuneguard.findings import Evidence, Outcome, Severity, View
from tuneguard.history import RunHistory, Series
from tuneguard.machine import FloatArray, blocks, gpu_signals, loop_seconds, past_warm_up, signal
from tuneguard.prescriptions.machine import load_ahead, more_workers
from tuneguard.rule import Requirement, Rule


@dataclass(frozen=True)
class InputBound(Rule):
    """The training loop spends much of its time waiting for the next batch.

    What it detects:
        A loop whose data come too slowly, throughout the run.

    Why it matters:
        The model and the device idle while the run is paid for.

    How it decides:
        After the first ``warm_up`` of the steps, the run is cut into ``blocks`` blocks of equally
        many steps, and each is given the share of its time in which the loop waited. At least
        ``min_blocks`` of the blocks waited for ``min_wait`` of their time, the median one too,
        and all waiting together cost ``min_lost_seconds``. A GPU whose median utilisation is
        ``max_utilisation`` percent or more was busy all the same, and nothing was lost. Fewer
        than ``min_points`` steps say nothing.

    When it is wrong:
        On a GPU, work that was handed over goes on while the loop waits: without its utilisation
        on record, waiting that costs nothing looks like waiting that does. Time is known only
        with `guard.batches(loader)`, and not for the first step after a validation. Tested on a
        processor: with a loader that sleeps, and with simulated utilisation.

    References:
        Mohan et al. (2021), Analyzing and Mitigating Data Stalls in DNN Training.
    """

    id: ClassVar[str] = "TG501"
    name: ClassVar[str] = "input-bound"
    default_severity: ClassVar[Severity] = Severity.WARNING
    explains: ClassVar[frozenset[str]] = frozenset({"accelerator-underused"})
    requires: ClassVar[tuple[Requirement, ...]] = ()

    warm_up: float = 0.1
    blocks: int = 10
    min_wait: float = 0.3
    min_blocks: float = 0.6
    min_lost_seconds: float = 30.0
    max_utilisation: float = 70.0
    min_points: int = 50

    def check(self, history: RunHistory) -> Outcome:
        """Weigh the time that the loop waited, block by block."""
        waits = signal(history, keys.DATA_WAIT_FRACTION)
        if waits is None or len(waits) < self.min_points:
            return self.abstained(
                f"the wait for data is not known of {self.min_points} steps or more",
                "iterate over guard.batches(loader)",
            )
        waits = past_warm_up(waits, self.warm_up)
        seconds = loop_seconds(history, waits)
        if seconds is None:
            return self.abstained("the time of a step is not known", "attach the callback")
        evidence = self._waiting(waits, seconds)
        is_bound = all(one.value >= one.threshold for one in evidence)
        if not is_bound or self._is_busy(history):
            return self.passed(*evidence)
        share = evidence[0].value
        return self.found(
            f"The loop waited for data in {share:.0%} of its time: "
            f"{evidence[2].value:.0f} s in all.",
            "The model and the device idle while batches are loaded.",
            evidence,
            confidence=0.9,
            prescriptions=(more_workers(history, share), load_ahead(history)),
            view=View((waits.key,), span=waits.span, threshold=self.min_wait),
        )

    def _waiting(self, waits: Series, seconds: FloatArray) -> tuple[Evidence, ...]:
        waited = np.clip(waits.values, 0.0, 1.0) * seconds
        shares = np.array(
            [
                float(waited[block].sum() / max(seconds[block].sum(), 1e-12))
                for block in blocks(len(waits), self.blocks)
            ]
        )
        measured = (
            ("median over the run of the time waited", float(np.median(shares)), self.min_wait),
            (
                "share of the run that waits so",
                float(np.mean(shares >= self.min_wait)),
                self.min_blocks,
            ),
            ("seconds waited", float(waited.sum()), self.min_lost_seconds),
        )
        return tuple(Evidence(waits.key, *one, waits.span) for one in measured)

    def _is_busy(self, history: RunHistory) -> bool:
        gpus = gpu_signals(history, "utilization_percentage").values()
        return any(float(np.median(gpu.values)) >= self.max_utilisation for gpu in gpus)
