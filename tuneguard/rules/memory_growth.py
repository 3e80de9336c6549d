"""TG503: memory grows step by step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tuneguard import keys
from tuneguard.findings import Evidence, Outcome, Severity, View
from tuneguard.history import RunHistory, Series
from tuneguard.machine import FloatArray, blocks, gpu_signals, past_warm_up, signal
from tuneguard.prescriptions.machine import bound_what_is_kept, detach_what_is_kept
from tuneguard.rule import Requirement, Rule
from tuneguard.statistics.trend import trend

_MACHINE_MEMORY = f"{keys.SYSTEM}/system_memory_usage_megabytes"


@dataclass(frozen=True)
class MemoryGrowth(Rule):
    """Memory grows at a steady pace for as long as the run goes on.

    What it detects:
        Memory of the training process, or of a GPU, that grows steadily after its first growth.

    Why it matters:
        The run ends when the memory does, often hours after the cause.

    How it decides:
        After the first ``warm_up`` of the run, medians of ``blocks`` blocks have a trend (Theil
        and Sen's slope) that adds ``min_growth`` to the level they began at and
        ``min_megabytes``, with a Mann-Kendall statistic of ``min_significance``; the memory rose
        from block to block in ``min_rising`` of the cases, and ``min_late`` of the growth came
        in the later half: caches fill quickly at first and slowly later, a leak does not slow
        down. At least ``min_points`` samples are needed; they come every ten seconds.

    When it is wrong:
        A dataset that is cached while an epoch of many minutes passes grows like a leak, and
        stops at the epoch's end. Where only MLflow's own system metrics tell of the memory, it
        is that of the whole machine, and other processes have a part in it. Memory of a GPU was
        tested on simulated signals only.

    References:
        Sen (1968), Estimates of the Regression Coefficient Based on Kendall's Tau.
        PyTorch documentation, Frequently Asked Questions: My model reports "cuda runtime error:
        out of memory".
    """

    id: ClassVar[str] = "TG503"
    name: ClassVar[str] = "memory-growth"
    default_severity: ClassVar[Severity] = Severity.WARNING
    requires: ClassVar[tuple[Requirement, ...]] = ()

    warm_up: float = 0.25
    blocks: int = 20
    min_growth: float = 0.2
    min_megabytes: float = 100.0
    min_significance: float = 4.0
    min_rising: float = 0.9
    min_late: float = 0.45
    min_points: int = 60

    def check(self, history: RunHistory) -> Outcome:
        """Measure the growth of each memory, and report the one that grew most."""
        measured = [
            (series, self._growth(series))
            for series in _memories(history)
            if len(series) >= self.min_points
        ]
        if not measured:
            return self.abstained(
                f"fewer than {self.min_points} samples of any memory are there",
                "attach the callback: it samples memory every ten seconds",
            )
        grown = [one for one in measured if all(e.value >= e.threshold for e in one[1])]
        series, evidence = max(grown or measured, key=lambda one: one[1][0].value)
        if not grown:
            return self.passed(*evidence)
        first, last = evidence[0].steps
        pace = 1000.0 * evidence[1].value / max(last - first, 1.0)
        fixes = (detach_what_is_kept(pace), bound_what_is_kept(pace))
        return self.found(
            f"{series.key} grew by {evidence[1].value:.0f} MB from step {first:g} to {last:g}, "
            f"{evidence[0].value:.0%} of what it was, and went on growing.",
            "The run ends when the memory does.",
            evidence,
            confidence=0.8,
            prescriptions=fixes,
            view=View((series.key,), span=(first, last)),
        )

    def _growth(self, series: Series) -> tuple[Evidence, ...]:
        later = past_warm_up(series, self.warm_up)
        cut = blocks(len(later), self.blocks)
        levels = np.array([np.median(later.values[block]) for block in cut])
        steps = np.array([np.median(later.steps[block]) for block in cut])
        found = trend(steps, levels)
        # blocks are summed up half way in: the ends of the first and the last lie outside
        grown = found.change * np.ptp(later.steps) / max(float(np.ptp(steps)), 1e-12)
        begin, middle, end = _begin_middle_end(levels)
        late = (end - middle) / (end - begin) if end > begin else 0.0
        measured = (
            ("growth over what it was", float(grown) / max(begin, 1.0), self.min_growth),
            ("growth in megabytes", float(grown), self.min_megabytes),
            ("Mann-Kendall statistic of the growth", found.z, self.min_significance),
            (
                "share of the blocks in which it rose",
                float(np.mean(np.diff(levels) > 0.0)) if len(levels) > 1 else 0.0,
                self.min_rising,
            ),
            ("share of the growth in the later half", late, self.min_late),
        )
        return tuple(Evidence(series.key, *one, later.span) for one in measured)


def _memories(history: RunHistory) -> Iterator[Series]:
    own = signal(history, keys.PROCESS_MEMORY) or signal(history, _MACHINE_MEMORY)
    if own is not None:
        yield own
    yield from gpu_signals(history, "memory_usage_megabytes").values()


def _begin_middle_end(levels: FloatArray) -> tuple[float, float, float]:
    """Return the level at the start, half way and at the end, each the median of a few."""
    half = len(levels) // 2
    parts = levels[:3], levels[max(half - 2, 0) : half + 2], levels[-3:]
    begin, middle, end = (float(np.median(part)) for part in parts)
    return begin, middle, end
