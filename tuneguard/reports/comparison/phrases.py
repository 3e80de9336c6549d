"""Phrases that every report of a comparison shares."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tuneguard.comparison import Change, Comparison, Cost, Effect, RuleCount
from tuneguard.history import RunIdentity
from tuneguard.reports import wording
from tuneguard.reports.untrusted import clipped

_NAME = 60
_LISTED = 12


def headline(comparison: Comparison) -> str:
    """Return why the verdict is what it is, as one sentence without a full stop."""
    reason = comparison.reason
    return reason[:1].upper() + reason[1:]


def sides(comparison: Comparison) -> str:
    """Return which runs were compared, and how."""
    pairing = {
        "step": "at no more steps than before",
        "epoch": "at no more epochs than before",
        "time": "in no more time than before",
    }[comparison.paired_on]
    by_seed = ", in pairs of the same seed" if comparison.paired_by_seed else ""
    before, after = names(comparison.before), names(comparison.after)
    return f"before: {before}; after: {after}; compared {pairing}{by_seed}"


def names(runs: Sequence[RunIdentity]) -> str:
    """Return the names of runs, the first three of many."""
    shown = [clipped(one.name or one.run_id or "unnamed run", _NAME) for one in runs[:3]]
    more = f" and {len(runs) - 3} more" if len(runs) > 3 else ""
    return f"{', '.join(shown)}{more}"


def levels(effect: Effect) -> str:
    """Return a measure from what to what.

    Levels are means over the end of the runs, which the last point alone need not match.
    """
    return f"{wording.number(effect.before)} -> {wording.number(effect.after)}"


def difference(effect: Effect) -> str:
    """Return the difference with its interval, or that there is none."""
    if effect.interval is None:
        return "difference unknown"
    low, high = (wording.number(end) for end in effect.interval)
    return (
        f"{signed(effect.difference)} ({100.0 * effect.confidence:.4g} % interval {low} to {high})"
    )


def noise(effect: Effect) -> str:
    """Return how much runs of other seeds differ, and how that is known."""
    return f"seed noise {wording.number(effect.noise)}, {effect.noise_is}"


def direction(effect: Effect) -> str:
    """Return which way a measure is good."""
    return "higher is better" if effect.higher_is_better else "lower is better"


def signed(value: float) -> str:
    """Return a number with its sign.

    >>> signed(0.5), signed(-0.25)
    ('+0.5', '-0.25')
    """
    return f"{'+' if value > 0 else ''}{wording.number(value)}"


def change(one: Change) -> str:
    """Return a setting from what to what."""
    old, new = (
        "(not recorded)" if value is None else clipped(value, _NAME)
        for value in (one.before, one.after)
    )
    return f"{clipped(one.name, _NAME)}: {old} -> {new}"


def changes(comparison: Comparison) -> list[str]:
    """Return the settings that differ, the first dozen of many."""
    shown = [change(one) for one in comparison.changes[:_LISTED]]
    more = len(comparison.changes) - len(shown)
    return [*shown, f"and {more} more"] if more else shown


def findings(comparison: Comparison) -> Iterator[tuple[str, str]]:
    """Yield what became of the findings: a word, and the rules it holds for."""
    groups = {
        "gone": comparison.gone,
        "new": comparison.appeared,
        "still there": comparison.remained,
    }
    for word, rules in groups.items():
        if rules:
            yield word, ", ".join(_rule(one, comparison) for one in rules)


def _rule(one: RuleCount, comparison: Comparison) -> str:
    name = f"{wording.title(one.rule)} ({one.rule_id}, {one.severity})"
    before, after = comparison.cost_before.runs, comparison.cost_after.runs
    if before == after == 1:
        return name
    return f"{name} in {one.before} of {before} before, {one.after} of {after} after"


def costs(comparison: Comparison) -> str:
    """Return what a run took before and after."""
    before, after = comparison.cost_before, comparison.cost_after
    return f"{cost(before)} before, {cost(after)} after"


def cost(one: Cost) -> str:
    """Return what a run of one side took.

    >>> cost(Cost(runs=1, length=600.0, unit="step", seconds=None))
    '600 steps'
    """
    took = f"{wording.number(one.length)} {one.unit}s"
    return took if one.seconds is None else f"{took} in {wording.number(one.seconds)} s"
