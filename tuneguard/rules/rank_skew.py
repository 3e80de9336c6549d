"""TG504: one rank is slow, or the ranks disagree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tuneguard import keys
from tuneguard.findings import Evidence, Finding, Outcome, Severity, View
from tuneguard.history import RunHistory, Series
from tuneguard.machine import FloatArray, blocks, loop_seconds, past_warm_up, signal
from tuneguard.prescriptions.machine import average_over_ranks, even_out_ranks
from tuneguard.rule import Requirement, Rule


@dataclass(frozen=True)
class RankSkew(Rule):
    """One rank of a distributed training holds up the others, or ranks apply other gradients.

    What it detects:
        A rank whose steps, or whose waits for data, are longer than those of the others; and
        gradients that differ between ranks that should apply one and the same.

    Why it matters:
        Every step waits for the slowest rank. Ranks with gradients of their own train different
        models, of which one is kept.

    How it decides:
        After the first ``warm_up`` of the steps, the median of each of ``blocks`` blocks: in
        ``min_blocks`` of them, and in the median block, the gradients of the ranks differ by
        ``min_disagreement`` of their norm; or the slowest rank takes ``min_skew`` times as long
        as the median one; or it waits for data for ``min_wait_gap`` of its time more than the
        median one does. A slow rank has to cost ``min_lost_seconds`` in all. At least
        ``min_points`` steps are needed.

    When it is wrong:
        Where every step ends in an exchange between the ranks, as with DDP, all steps take as
        long as the slowest rank's: a rank that computes slowly cannot be seen by them, one that
        loads slowly can. Local SGD and experts of their own on each rank let gradients differ on
        purpose. Tested on simulated signals.

    References:
        Lin et al. (2025), Understanding Stragglers in Large Model Training Using What-if
        Analysis.
    """

    id: ClassVar[str] = "TG504"
    name: ClassVar[str] = "rank-skew"
    default_severity: ClassVar[Severity] = Severity.WARNING
    requires: ClassVar[tuple[Requirement, ...]] = ()

    warm_up: float = 0.1
    blocks: int = 10
    min_blocks: float = 0.8
    min_disagreement: float = 0.05
    min_skew: float = 1.5
    min_wait_gap: float = 0.25
    min_lost_seconds: float = 30.0
    min_points: int = 100

    def check(self, history: RunHistory) -> Outcome:
        """Look at gradients first, then at times, then at waits."""
        limits = {
            keys.RANK_GRADIENT_DISAGREEMENT: self.min_disagreement,
            keys.RANK_STEP_SKEW: self.min_skew,
            keys.RANK_DATA_WAIT_GAP: self.min_wait_gap,
        }
        known = {
            key: past_warm_up(series, self.warm_up)
            for key in limits
            if (series := _known(history, key)) is not None and len(series) >= self.min_points
        }
        if not known:
            return self.abstained(
                f"fewer than {self.min_points} steps of several ranks are recorded together"
            )
        weighed: list[Evidence] = []
        for key, series in known.items():
            evidence = self._lasting(series, limits[key])
            if key != keys.RANK_GRADIENT_DISAGREEMENT:
                evidence = (*evidence, self._lost(history, key, series))
            if all(one.value >= one.threshold for one in evidence):
                return self._report(key, series, evidence)
            weighed.append(evidence[0])
        return self.passed(*weighed)

    def _lasting(self, series: Series, limit: float) -> tuple[Evidence, ...]:
        cut = blocks(len(series), self.blocks)
        levels = np.array([np.median(series.values[block]) for block in cut])
        share = float(np.mean(levels >= limit))
        return (
            Evidence(series.key, "median over the run", _median(levels), limit, series.span),
            Evidence(
                series.key, "share of the run that is so", share, self.min_blocks, series.span
            ),
        )

    def _lost(self, history: RunHistory, key: str, series: Series) -> Evidence:
        """Add up what the usual rank would not have needed."""
        seconds = loop_seconds(history, series)
        if seconds is None:
            lost = 0.0
        elif key == keys.RANK_STEP_SKEW:
            # the time on record may be that of the slowest rank itself
            lost = float(np.sum((1.0 - 1.0 / np.maximum(series.values, 1.0)) * seconds))
        else:
            lost = float(np.sum(np.clip(series.values, 0.0, 1.0) * seconds))
        return Evidence(series.key, "seconds lost", lost, self.min_lost_seconds, series.span)

    def _report(self, key: str, series: Series, evidence: tuple[Evidence, ...]) -> Finding:
        value = evidence[0].value
        if key == keys.RANK_GRADIENT_DISAGREEMENT:
            summary = f"The gradients of the ranks differed by {value:.0%} of their norm."
            why = "Ranks that apply different gradients train different models."
            fix = average_over_ranks()
        elif key == keys.RANK_STEP_SKEW:
            summary = f"The slowest rank took {value:.2f} times as long as the usual one."
            why = "Every step waits for the slowest rank."
            fix = even_out_ranks(value)
        else:
            summary = f"One rank waited for data {value:.0%} of a step longer than the usual one."
            why = "Every step waits for the rank whose data come last."
            fix = even_out_ranks(1.0 / max(1.0 - value, 0.02))
        return self.found(
            summary,
            why,
            evidence,
            confidence=0.8,
            prescriptions=(fix,),
            view=View((series.key,), span=series.span, threshold=evidence[0].threshold),
        )


def _known(history: RunHistory, key: str) -> Series | None:
    """Return a series of ranks; an infinite disagreement counts, so it is kept."""
    if key != keys.RANK_GRADIENT_DISAGREEMENT:
        return signal(history, key)
    series = history.series.get(key)
    return None if series is None else series.where(~np.isnan(series.values))


def _median(levels: FloatArray) -> float:
    """Return the middle level, the lower one of two: infinite levels have no mean."""
    return float(np.percentile(levels, 50.0, method="lower"))
