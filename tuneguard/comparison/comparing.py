"""Did a change help: a pure function of the runs before and after it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tuneguard.comparison.clocks import axis_name, seconds_spent, tracks_of
from tuneguard.comparison.courses import picture_of
from tuneguard.comparison.judging import Question, effect_of
from tuneguard.comparison.measures import Measure, measures_of
from tuneguard.comparison.result import (
    BandPicture,
    Comparison,
    Cost,
    Criteria,
    Effect,
    PairedOn,
    RuleCount,
)
from tuneguard.comparison.settings import pairs_by_seed, settings_changed
from tuneguard.comparison.verdict import notes_on, verdict_of, what_would_settle
from tuneguard.comparison.windows import windows_of
from tuneguard.diagnosis import diagnose
from tuneguard.exceptions import TuneGuardError
from tuneguard.findings import Finding
from tuneguard.history import Axis, RunHistory

Runs = tuple[RunHistory, ...]


def compare(  # noqa: PLR0913 - two sides, and by keyword how to compare them
    before: RunHistory | Iterable[RunHistory],
    after: RunHistory | Iterable[RunHistory],
    *,
    measures: Mapping[str, bool | None] | None = None,
    paired_on: PairedOn = "step",
    seed_noise: float | None = None,
    criteria: Criteria | None = None,
) -> Comparison:
    """Say whether a change helped.

    Compared is where training ended, with no run after the change given more steps than those
    before it had. Several runs on a side show how much seeds differ; one run on each side cannot,
    so there that noise is assumed, or given.

    Args:
        before: The runs before the change: one, or repetitions with other seeds.
        after: The runs after it.
        measures: Name or key of what to judge by, to whether higher is better (`None` where that
            is known); by default the validation loss and metrics.
        paired_on: What the curves are laid over each other by.
        seed_noise: Standard deviation between seeds in the unit of the measure, for one pair.
        criteria: What counts as a difference.

    Raises:
        TuneGuardError: A side is empty, a measure is not there, or times or epochs are unknown.

    >>> def run(end):
    ...     falling = [(step, end + 2.0 * 0.9**step) for step in range(60)]
    ...     return RunHistory.from_series({"val_loss": falling})
    >>> compare(run(0.5), run(0.2)).verdict
    'better'
    """
    first, second = _side(before, "before"), _side(after, "after")
    found = measures_of(first, second, measures)
    plan = _Plan(first, second, found, paired_on, criteria or Criteria(), seed_noise)
    return plan.carried_out()


@dataclass(frozen=True, eq=False)
class _Plan:
    """Everything that the measures of one comparison have in common."""

    before: Runs
    after: Runs
    measures: tuple[Measure, ...]
    paired_on: PairedOn
    criteria: Criteria
    seed_noise: float | None

    @property
    def partners(self) -> list[tuple[int, int]] | None:
        """Indices of runs with the same seed, where several runs can be compared in pairs."""
        return pairs_by_seed(self.before, self.after) if len(self.before) > 1 else None

    @property
    def confidence(self) -> float:
        """That of one measure: those that decide share the error that is allowed."""
        deciding = sum(one.decides for one in self.measures)
        return 1.0 - (1.0 - self.criteria.confidence) / max(deciding, 1)

    def carried_out(self) -> Comparison:
        """Judge every measure, and put together what else there is to say."""
        judged = [self._judged(measure) for measure in self.measures]
        effects = tuple(effect for effect, _ in judged)
        verdict, reason = verdict_of(effects)
        changes, varied = settings_changed(self.before, self.after)
        return Comparison(
            verdict=verdict,
            reason=reason,
            settle=what_would_settle(verdict, effects, (len(self.before), len(self.after))),
            effects=effects,
            findings=_rule_counts(self.before, self.after),
            changes=changes,
            varied=varied,
            cost_before=_cost(self.before),
            cost_after=_cost(self.after),
            before=tuple(one.identity for one in self.before),
            after=tuple(one.identity for one in self.after),
            paired_on=self.paired_on,
            paired_by_seed=self.partners is not None,
            pictures=tuple(picture for effect, picture in judged if effect.decides),
            notes=notes_on(self.before, self.after, changes),
        )

    def _judged(self, measure: Measure) -> tuple[Effect, BandPicture]:
        """Return what the change did to one measure, and its curves."""
        series, runs = (*measure.before, *measure.after), (*self.before, *self.after)
        tracks = tracks_of(series, runs, self.paired_on)
        before, after = tracks[: len(self.before)], tracks[len(self.before) :]
        windows = windows_of(before, after)
        question = Question(
            measure,
            before,
            after,
            windows,
            self.partners,
            self.criteria,
            self.confidence,
            self.seed_noise,
        )
        axis = axis_name(series, self.paired_on)
        picture = picture_of(measure.name, axis, (before, after), windows)
        return effect_of(question), picture


def _side(runs: RunHistory | Iterable[RunHistory], name: str) -> Runs:
    side = (runs,) if isinstance(runs, RunHistory) else tuple(runs)
    if not side:
        raise TuneGuardError(f"There is no run {name} the change: give at least one.")
    return side


def _rule_counts(before: Runs, after: Runs) -> tuple[RuleCount, ...]:
    """Count in how many runs of each side each rule found something, the worst first."""
    found = [[diagnose(one).all_findings() for one in side] for side in (before, after)]
    rules: dict[str, Finding] = {}
    for finding in (one for side in found for run in side for one in run):
        known = rules.get(finding.rule)
        if known is None or finding.severity > known.severity:
            rules[finding.rule] = finding
    counts = [
        RuleCount(one.rule, one.rule_id, one.severity, *(_count(one.rule, side) for side in found))
        for one in rules.values()
    ]
    return tuple(sorted(counts, key=lambda one: (-one.severity, one.rule_id)))


def _count(rule: str, side: Sequence[Sequence[Finding]]) -> int:
    return sum(any(one.rule == rule for one in findings) for findings in side)


def _cost(side: Runs) -> Cost:
    seconds = [seconds_spent(one) for one in side]
    known = [one for one in seconds if one is not None]
    has_steps = any(s.axis is Axis.STEP and len(s) for one in side for s in one.series.values())
    return Cost(
        runs=len(side),
        length=float(np.median([one.last_step for one in side])),
        unit="step" if has_steps else "epoch",
        seconds=float(np.median(known)) if len(known) == len(side) else None,
    )
