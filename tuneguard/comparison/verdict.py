"""The answers of several measures as one verdict, and what is left open."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tuneguard.comparison.result import Answer, Change, Effect
from tuneguard.history import RunHistory

_DECIDED: tuple[Answer, Answer] = ("better", "worse")
_POWER_FACTOR = 2.8  # (z of 97.5 % + z of 80 %): a shift that is found four times in five
_MOST_SEEDS = 30


def verdict_of(effects: Sequence[Effect]) -> tuple[Answer, str]:
    """Return the answer on which the deciding measures agree, and why.

    One clear answer is enough where no other measure says the opposite: the error that is
    allowed was shared out among them.

    Args:
        effects: What the change did to each measure.
    """
    deciding = [one for one in effects if one.decides]
    if not deciding:
        return "cannot tell", "the runs have no measure in common"
    by_answer = {answer: [one for one in deciding if one.answer == answer] for answer in _DECIDED}
    better, worse = by_answer["better"], by_answer["worse"]
    if better and worse:
        return "cannot tell", f"{_names(better)} got better, and {_names(worse)} worse"
    for answer in _DECIDED:
        if by_answer[answer]:
            return answer, _said(max(by_answer[answer], key=_share))
    undecided = [one for one in deciding if one.answer == "cannot tell"]
    return (undecided or deciding)[0].answer, _said((undecided or deciding)[0])


def what_would_settle(verdict: Answer, effects: Sequence[Effect], runs: tuple[int, int]) -> str:
    """Return what to do about what is left open, in one sentence; empty where nothing is.

    Args:
        verdict: The answer.
        effects: What the change did to each measure.
        runs: How many runs there are before and after the change.
    """
    deciding = [one for one in effects if one.decides]
    if {"better", "worse"} <= {one.answer for one in deciding}:
        return "Choose the measure that counts, with --metric."
    if not deciding:
        return "Log the same validation metric in all runs."
    if runs == (1, 1):
        return _for_one_pair(verdict, deciding)
    if verdict != "cannot tell":
        return ""
    return _more_seeds(deciding[0])


def notes_on(
    before: Sequence[RunHistory], after: Sequence[RunHistory], changes: Sequence[Change]
) -> tuple[str, ...]:
    """Return what a person should know before believing a comparison."""
    notes = []
    if len(changes) > 1:
        notes.append(
            f"{len(changes)} settings differ: which of them made the difference cannot be told."
        )
    elif not changes:
        notes.append("No recorded setting differs: log what was changed as a param.")
    if any(one.name == "batch_size" for one in changes):
        notes.append("The batch size differs, so equal steps are not equal data: see --paired-on.")
    for name, side in (("before", before), ("after", after)):
        running = sum(one.is_running for one in side)
        if running:
            notes.append(f"{running} of {len(side)} runs {name} the change are still going on.")
        failed = sum(one.status in {"failed", "killed"} for one in side)
        if failed:
            notes.append(f"{failed} of {len(side)} runs {name} the change failed or were killed.")
    return tuple(notes)


def _for_one_pair(verdict: Answer, deciding: Sequence[Effect]) -> str:
    one = deciding[0]
    if verdict == "no difference" or one.noise_is == "given":
        return ""
    share = f" ({one.noise:.2g})" if one.noise > 0.0 else ""
    assumed = f"One run on each side cannot show how much seeds differ: that is assumed{share}"
    if verdict == "cannot tell":
        return f"{assumed}. Train three seeds of each, or give --seed-noise where it is known."
    return f"{assumed}. To be sure, repeat both with other seeds."


def _more_seeds(one: Effect) -> str:
    """Say how many seeds would find a difference as large as the one seen."""
    if one.interval is None or one.difference == 0.0 or one.noise == 0.0:
        return "Train at least three seeds of each."
    seeds = math.ceil(2.0 * (_POWER_FACTOR * one.noise / one.difference) ** 2)
    if seeds > _MOST_SEEDS:
        return (
            "The difference is far smaller than what seeds make: "
            f"more than {_MOST_SEEDS} of each would be needed to see it."
        )
    return f"A difference of this size takes about {max(seeds, 3)} seeds of each to be seen."


def _said(one: Effect) -> str:
    return f"{one.measure} {one.before:.4g} before, {one.after:.4g} after: {one.reason}"


def _share(one: Effect) -> float:
    return abs(one.difference) / one.gained if one.gained > 0.0 else math.inf


def _names(effects: Sequence[Effect]) -> str:
    return " and ".join(one.measure for one in effects)
