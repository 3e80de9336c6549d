"""TG502: the accelerator is mostly idle while its memory allows more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tuneguard.findings import Evidence, Outcome, Severity, View
from tuneguard.history import RunHistory, Series
from tuneguard.machine import gpu_signals, past_warm_up
from tuneguard.prescriptions.machine import fill_the_accelerator
from tuneguard.rule import Requirement, Rule

_MOST_MEMORY = 80.0
_LARGEST_FACTOR = 8


@dataclass(frozen=True)
class AcceleratorUnderused(Rule):
    """The GPU idles most of the time, and its memory has room for larger batches.

    What it detects:
        A GPU that runs nothing most of the time, in a run that uses little of its memory.

    Why it matters:
        The same training takes longer than it must, on a device that others wait for.

    How it decides:
        After the first ``warm_up`` of the run, of the GPU that is used most: the median
        utilisation is at most ``max_utilisation`` percent, its 90th percentile at most
        ``max_peak`` percent, and the 90th percentile of its memory at most ``max_memory``
        percent. At least ``min_points`` samples are needed; they come every ten seconds.

    When it is wrong:
        Utilisation says that something ran, not how much of the device it filled: a busy GPU may
        be badly used, and is not reported. A model that is small for the device cannot fill it;
        sharing the device is then the better use. Memory that PyTorch's allocator or another
        process holds counts as used. Tested on simulated signals only, for want of a GPU.

    References:
        NVIDIA Management Library, nvmlDeviceGetUtilizationRates.
    """

    id: ClassVar[str] = "TG502"
    name: ClassVar[str] = "accelerator-underused"
    default_severity: ClassVar[Severity] = Severity.INFO
    requires: ClassVar[tuple[Requirement, ...]] = ()

    warm_up: float = 0.1
    max_utilisation: float = 25.0
    max_peak: float = 50.0
    max_memory: float = 40.0
    min_points: int = 60

    def check(self, history: RunHistory) -> Outcome:
        """Look at the GPU that is used most."""
        uses = gpu_signals(history, "utilization_percentage")
        memories = gpu_signals(history, "memory_usage_percentage")
        both = [number for number in uses if number in memories]
        if not both:
            return self.abstained(
                "utilisation and memory of a GPU are not recorded",
                "install tuneguard[gpu], or switch MLflow's system metrics on",
            )
        busiest = max(both, key=lambda number: float(np.median(uses[number].values)))
        use, memory = uses[busiest], memories[busiest]
        if min(len(use), len(memory)) < self.min_points:
            return self.abstained(f"fewer than {self.min_points} samples of the GPU are there")
        evidence = self._measured(
            past_warm_up(use, self.warm_up), past_warm_up(memory, self.warm_up)
        )
        if any(one.value > one.threshold for one in evidence):
            return self.passed(*evidence)
        room = _MOST_MEMORY / max(evidence[2].value, 1.0)
        factor = int(2 ** np.floor(np.log2(min(room, _LARGEST_FACTOR))))
        return self.found(
            f"GPU {busiest} was in use {evidence[0].value:.0f} % of the time, "
            f"with {evidence[2].value:.0f} % of its memory taken.",
            "The training takes longer than it must, on a device that others could use.",
            evidence,
            confidence=0.7,
            prescriptions=(fill_the_accelerator(history, factor),),
            view=View((use.key, memory.key), span=evidence[0].steps, threshold=self.max_peak),
        )

    def _measured(self, use: Series, memory: Series) -> tuple[Evidence, ...]:
        busy, busiest = np.percentile(use.values, [50.0, 90.0])
        taken = float(np.percentile(memory.values, 90.0))
        return (
            Evidence(
                use.key, "median utilisation, %", float(busy), self.max_utilisation, use.span
            ),
            Evidence(
                use.key,
                "90th percentile of the utilisation, %",
                float(busiest),
                self.max_peak,
                use.span,
            ),
            Evidence(
                memory.key,
                "90th percentile of the memory in use, %",
                taken,
                self.max_memory,
                memory.span,
            ),
        )
