"""One run of many: diagnosed once, and never in the way of the others."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mlflow import MlflowClient

from tuneguard import keys
from tuneguard.findings import Severity
from tuneguard.fleet import examiner
from tuneguard.fleet.examiner import Assignment, Examiner
from tuneguard.storage.reader import load_run


def ours(client: MlflowClient, run_id: str) -> dict[str, str]:
    found = client.get_run(run_id).data.tags
    return {key: value for key, value in found.items() if key.startswith("tuneguard.")}


def test_a_sick_run_gets_its_tags_and_nothing_else(client, make_run, assignment) -> None:
    run_id = make_run("sick", sick=True)
    before = client.get_run(run_id).info.to_proto()
    result = Examiner(assignment).examine(run_id)
    assert (result.outcome, result.verdict, result.name) == ("diagnosed", "critical", "sick")
    assert result.severity is Severity.CRITICAL
    assert "divergence" in {finding.rule for finding in result.findings}
    assert ours(client, run_id)[keys.TAG_VERDICT] == "critical"
    assert client.get_run(run_id).info.to_proto() == before
    assert "mlflow.note.content" not in client.get_run(run_id).data.tags
    assert client.list_artifacts(run_id) == []


def test_what_has_not_changed_is_told_from_its_tags(make_run, assignment, monkeypatch) -> None:
    run_id = make_run(sick=True)
    first = Examiner(assignment).examine(run_id)
    monkeypatch.setattr(examiner, "read_history", None)
    again = Examiner(assignment).examine(run_id)
    assert again == replace(first, outcome="unchanged")


def test_it_is_diagnosed_again_where_that_is_asked_for(make_run, assignment) -> None:
    run_id = make_run()
    Examiner(assignment).examine(run_id)
    assert Examiner(replace(assignment, force=True)).examine(run_id).outcome == "diagnosed"
    fewer = replace(assignment, rules=assignment.rules[:3])
    assert Examiner(fewer).examine(run_id).outcome == "diagnosed"


def test_nothing_is_written_where_nothing_may_be(client, make_run, assignment) -> None:
    run_id = make_run(sick=True)
    result = Examiner(replace(assignment, write="nothing")).examine(run_id)
    assert result.verdict == "critical"
    assert ours(client, run_id) == {}


def test_a_whole_review_is_more_than_its_tags(client, make_run, assignment) -> None:
    run_id = make_run(sick=True)
    Examiner(assignment).examine(run_id)
    without_traces = Examiner(replace(assignment, write="review", traces=False))
    assert without_traces.examine(run_id).outcome == "diagnosed"
    assert without_traces.examine(run_id).outcome == "unchanged"
    whole = Examiner(replace(assignment, write="review"))
    assert whole.examine(run_id).outcome == "diagnosed"
    assert "mlflow.note.content" in client.get_run(run_id).data.tags
    assert whole.examine(run_id).outcome == "unchanged"
    assert Examiner(assignment).examine(run_id).outcome == "unchanged"


def test_a_run_that_is_not_there_is_a_reason(assignment) -> None:
    result = Examiner(assignment).examine("0" * 32)
    assert result.outcome == "unreadable"
    assert "no run" in result.reason


def test_a_bug_in_reading_is_a_reason_too(make_run, assignment, monkeypatch, caplog) -> None:
    run_id = make_run()

    def fail(*_: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(examiner, "read_history", fail)
    result = Examiner(assignment).examine(run_id)
    assert result.outcome == "unreadable"
    assert "bug in tuneguard: ZeroDivisionError: planted" in result.reason
    assert run_id in caplog.text


@pytest.mark.parametrize("step", [200, 0])
def test_a_metric_that_is_logged_late_is_noticed(client, make_run, assignment, step) -> None:
    run_id = make_run()
    Examiner(assignment).examine(run_id)
    client.log_metric(run_id, "late", 1.0, step=step)
    assert Examiner(assignment).examine(run_id).outcome == "diagnosed"
    assert Examiner(assignment).examine(run_id).outcome == "unchanged"


def test_a_listed_run_has_the_state_of_a_run_that_is_asked_for(
    client, make_run, experiment_id, tracking_uri
) -> None:
    run_id = make_run(lr=0.1)
    (listed,) = client.search_runs([experiment_id])
    state = examiner.look_up(client, listed).state()
    assert state == load_run(run_id, tracking_uri).identity.state


def test_an_assignment_is_for_a_store(assignment: Assignment) -> None:
    nowhere = replace(assignment, tracking_uri="sqlite:///nowhere/mlflow.db")
    assert "There is no database" in Examiner(nowhere).examine("0" * 32).reason
