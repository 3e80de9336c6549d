"""What every report says of an attempt, in words that are safe to show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tuneguard.comparison import Comparison
from tuneguard.reports.untrusted import cleaned, clipped
from tuneguard.reports.wording import counted, number
from tuneguard.treatment import Attempt, Treatment

_VALUE: Final = 60
_REASON: Final = 300
_MOST_LEFT: Final = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One attempt, as a row of a table.

    Attributes:
        number: Of the attempt.
        treats: The rule whose finding was treated; empty for the first.
        change: Parameters from what to what.
        found: What was found in its runs.
        measure: What it was judged by, from what to what.
        standing: What became of it.
        reason: Why.
        trainings: How many there were.
        seconds: How long they took.
    """

    number: str
    treats: str
    change: str
    found: str
    measure: str
    standing: str
    reason: str
    trainings: str
    seconds: str


def rows(treatment: Treatment) -> list[Row]:
    """Return a row for each attempt, in their order."""
    return [cleaned(_row(one)) for one in treatment.attempts]


def headline(treatment: Treatment) -> str:
    """Return what a treatment came to, in one sentence without a full stop."""
    made = counted(treatment.trainings, "training")
    if treatment.is_healthy and treatment.best == 0:
        return "Nothing to treat: the parameters that were given train a healthy model"
    if treatment.is_healthy:
        return f"Healthy after {made}, with {change(kept_changes(treatment))}"
    if treatment.best == 0:
        if len(treatment.attempts) == 1:
            return f"Not healthy, and no change was tried: {treatment.ending}"
        return f"Nothing that was tried helped in {made}: {treatment.ending}"
    kept = change(kept_changes(treatment))
    return f"Better but not healthy after {made}, with {kept}: {treatment.ending}"


def left_to_you(treatment: Treatment) -> list[str]:
    """Return what is prescribed for the runs that were kept and their parameters cannot express.

    Empty where they are healthy; else a few actions with the finding that asks for them, what is
    most likely first.
    """
    if treatment.is_healthy:
        return []
    expressed = set(treatment.settings)
    left = [
        f"{finding.rule}: {one.action}"
        for trial in treatment.kept.trials
        for finding in (trial.diagnosis.all_findings() if trial.diagnosis else ())
        for one in finding.prescriptions
        if not expressed.issuperset(it.parameter for it in one.changes) or not one.changes
    ]
    return [clipped(cleaned(one), _REASON) for one in list(dict.fromkeys(left))[:_MOST_LEFT]]


def kept_changes(treatment: Treatment) -> dict[str, tuple[Any, Any]]:
    """Return the parameters that were kept and differ from those given: before and after."""
    given, kept = treatment.attempts[0].params, treatment.params
    return {name: (given[name], value) for name, value in kept.items() if given.get(name) != value}


def change(changed: Mapping[str, tuple[Any, Any]]) -> str:
    """Return parameters from what to what.

    >>> change({"lr": (0.1, 0.01)})
    'lr 0.1 -> 0.01'
    """
    shown = [
        f"{clipped(str(name), _VALUE)} {_value(old)} -> {_value(new)}"
        for name, (old, new) in changed.items()
    ]
    return cleaned(", ".join(shown)) or "nothing changed"


def _row(attempt: Attempt) -> Row:
    return Row(
        number=str(attempt.number),
        treats=attempt.rule,
        change=change(attempt.changed) if attempt.rule else "",
        found=_found(attempt),
        measure=_measure(attempt.comparison),
        standing=attempt.standing,
        reason=clipped(attempt.reason, _REASON),
        trainings=counted(len(attempt.trials), "training"),
        seconds=number(sum(one.seconds for one in attempt.trials)),
    )


def _found(attempt: Attempt) -> str:
    """Return the causes found, each once, the most frequent first."""
    names: dict[str, int] = {}
    for trial in attempt.trials:
        for finding in trial.diagnosis.findings if trial.diagnosis else ():
            names[finding.rule] = names.get(finding.rule, 0) + 1
    if not names:
        verdicts = {one.diagnosis.verdict for one in attempt.trials if one.diagnosis}
        return ", ".join(sorted(verdicts)) or "no diagnosis"
    runs = len(attempt.trials)
    ordered = sorted(names, key=lambda name: -names[name])
    return ", ".join(
        name if runs == 1 else f"{name} ({names[name]} of {runs})" for name in ordered
    )


def _measure(comparison: Comparison | None) -> str:
    if comparison is None or not comparison.effects:
        return ""
    effect = next((one for one in comparison.effects if one.decides), comparison.effects[0])
    return f"{effect.measure} {number(effect.before)} -> {number(effect.after)}"


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else clipped(str(value), _VALUE)
