"""What came of a prescription that was followed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tuneguard import keys
from tuneguard.comparison import Comparison
from tuneguard.evidence.trials import Outcome, Tried


@dataclass(frozen=True, slots=True)
class TreatedRun:
    """A training of a treatment, as its tags tell it. All texts are untrusted.

    Attributes:
        run_id: The run.
        parent_id: The run of the treatment.
        at: When it began, in milliseconds since 1970.
        status: `FINISHED`, `FAILED`, ... as MLflow has it.
        tags: Its tags.
    """

    run_id: str
    parent_id: str
    at: int
    status: str
    tags: Mapping[str, str]


def outcome_of(comparison: Comparison, rule: str) -> Outcome:
    """Say what a change did about a finding.

    It helped where the runs got better, or where the finding is gone and they did not get worse.
    Where the finding stayed and nothing is surely better, it had no effect: a pair of single runs
    can hardly show more, and leaving it out would leave out failures alone.

    Args:
        comparison: The run with the change against the one without.
        rule: The finding that it was to cure.
    """
    if comparison.verdict == "worse":
        return "made worse"
    if comparison.verdict == "better" or any(one.rule == rule for one in comparison.gone):
        return "helped"
    stayed = any(one.rule == rule for one in comparison.remained)
    return "no effect" if stayed or comparison.verdict == "no difference" else "cannot tell"


def tried_by_treatments(runs: Iterable[TreatedRun]) -> list[Tried]:
    """Return what treatments tried: each attempt once, with however many seeds it was trained."""
    attempts: dict[tuple[str, str, str, str], Tried] = {}
    for run in sorted(runs, key=lambda one: one.at):
        rule, remedy = run.tags.get(keys.TAG_TREATED_RULE), run.tags.get(keys.TAG_REMEDY)
        outcome = _outcome_of_attempt(run)
        if rule and remedy and outcome:
            change = run.tags.get(keys.TAG_CHANGE, "")
            tried = Tried(rule, remedy, outcome, run.run_id, run.at, "treatment")
            attempts[run.parent_id, change, rule, remedy] = tried
    return list(attempts.values())


def _outcome_of_attempt(run: TreatedRun) -> Outcome | None:
    """Return what came of an attempt; `None` where it was cut short."""
    standing = run.tags.get(keys.TAG_OUTCOME, "").partition(":")[0]
    if standing == "kept":
        return "helped"
    if standing == "failed" or run.status == "FAILED":
        return "made worse"
    if standing == "reverted":
        return "made worse" if run.tags.get(keys.TAG_COMPARED) == "worse" else "no effect"
    return None
