"""What came of a change, told by a comparison or by the tags of a treatment."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tuneguard import RunHistory, Severity, compare, keys
from tuneguard.comparison.result import RuleCount
from tuneguard.evidence.outcomes import TreatedRun, outcome_of, tried_by_treatments
from tuneguard.evidence.trials import records_of


def run(end: float) -> RunHistory:
    falling = [(step, end + 2.0 * 0.9**step) for step in range(60)]
    return RunHistory.from_series({"train_loss": falling, "val_loss": falling})


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [(0.5, 0.2, "helped"), (0.2, 0.5, "made worse"), (0.5, 0.5, "no effect")],
)
def test_a_comparison_tells(before: float, after: float, outcome: str) -> None:
    assert outcome_of(compare(run(before), run(after)), "overfitting") == outcome


def test_a_finding_that_is_gone_is_help_where_nothing_else_can_be_told() -> None:
    gone = RuleCount("divergence", "TG402", Severity.CRITICAL, before=1, after=0)
    open_still = replace(compare(run(0.5), run(0.5)), verdict="cannot tell", findings=(gone,))
    assert outcome_of(open_still, "divergence") == "helped"
    assert outcome_of(open_still, "overfitting") == "cannot tell"
    stayed = replace(open_still, findings=(replace(gone, after=1),))
    assert outcome_of(stayed, "divergence") == "no effect"
    assert outcome_of(replace(open_still, verdict="worse"), "divergence") == "made worse"


def treated(number: int, outcome: str, compared: str = "", status: str = "FINISHED", **more: str):
    tags = {
        keys.TAG_TREATED_RULE: "divergence",
        keys.TAG_REMEDY: "lower learning_rate",
        keys.TAG_CHANGE: f"lr: 1 -> {number}",
        keys.TAG_OUTCOME: outcome,
        keys.TAG_COMPARED: compared,
        **more,
    }
    return TreatedRun(
        f"run{number}", "parent", number, status, {k: v for k, v in tags.items() if v}
    )


def test_attempts_of_treatments_are_counted_by_what_became_of_them() -> None:
    runs = [
        treated(1, "kept: Better."),
        treated(2, "reverted: Worse.", "worse"),
        treated(3, "reverted: Not better.", "no difference"),
        treated(4, "reverted: Not better.", "cannot tell"),
        treated(5, "", status="FAILED"),
        treated(6, "", status="KILLED"),
    ]
    (record,) = records_of(tried_by_treatments(runs))
    assert (record.tried, record.helped, record.no_effect, record.made_worse) == (5, 1, 2, 2)
    assert record.last_runs == ("run5", "run4", "run3")


def test_an_attempt_with_several_seeds_counts_once() -> None:
    same = {keys.TAG_CHANGE: "lr: 1 -> 0.1"}
    runs = [treated(number, "kept: Better.", **same) for number in (1, 2, 3)]
    (record,) = records_of(tried_by_treatments(runs))
    assert record.tried == 1
