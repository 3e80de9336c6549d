"""What past runs teach is read from a store: pairs, treatments, and what people say."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import AssessmentSource, AssessmentSourceType, Feedback

from tests.team_runs import Team
from tuneguard import keys, read_evidence
from tuneguard.evidence import PastEvidence
from tuneguard.exceptions import ExperimentNotFoundError
from tuneguard.storage.past_runs import PastRuns, last_healthy_runs, runs_named
from tuneguard.storage.verdicts import read_verdicts

pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture
def team(client: MlflowClient) -> Team:
    return Team(client)


@pytest.fixture
def followed(team: Team) -> tuple[str, str]:
    """A run that overfits, and one with more dropout that does not."""
    before = team.run(overfits=True, lr=0.1, dropout=0, seed=1)
    return before, team.run(lr=0.1, dropout=0.3, seed=1)


def dropout(evidence: PastEvidence) -> tuple[int, int]:
    record = evidence.record_of("overfitting", "raise dropout")
    return (record.helped, record.tried) if record else (0, 0)


def test_a_later_run_that_follows_a_prescription_is_compared(
    team: Team, followed: tuple[str, str]
) -> None:
    team.run(overfits=True, lr=0.2, dropout=0.3, seed=1)
    told: list[tuple[str, int]] = []
    evidence = read_evidence("vision", progress=lambda *done: told.append(done))
    assert dropout(evidence) == (1, 1)
    record = evidence.record_of("overfitting", "raise dropout")
    assert record is not None
    assert record.last_runs == (followed[1],)
    looked = evidence.looked
    assert (looked.runs, looked.diagnoses, looked.pairs, looked.compared) == (3, 1, 1, 1)
    assert told == [("listing", 3), ("reading", 1), ("comparing", 1)]


def test_a_change_that_does_not_help_is_counted_as_such(
    team: Team, followed: tuple[str, str]
) -> None:
    team.run(overfits=True, lr=0.1, dropout=0.2, seed=1)
    assert dropout(read_evidence("vision")) == (1, 2)


def document_of(team: Team, run_id: str) -> Path:
    folder = team.client.get_run(run_id).info.artifact_uri.removeprefix("file://")
    return Path(folder) / keys.ARTIFACTS / "diagnosis.json"


@pytest.mark.parametrize("content", ["{", None])
def test_a_diagnosis_that_is_none_or_of_another_run_is_made_again(
    team: Team, followed: tuple[str, str], content: str | None
) -> None:
    of_another = document_of(team, followed[1]).read_text()
    document_of(team, followed[0]).write_text(content or of_another)
    assert dropout(read_evidence("vision")) == (1, 1)


def test_how_much_is_looked_at_is_bounded_and_said(team: Team, followed: tuple[str, str]) -> None:
    team.run(lr=0.1, dropout=0.4, seed=1)
    evidence = read_evidence("vision", most_comparisons=1)
    assert (evidence.looked.pairs, evidence.looked.compared) == (2, 1)
    assert dropout(evidence) == (1, 1)
    unread = read_evidence("vision", most_diagnoses=0)
    assert (unread.looked.undone, unread.records) == (1, ())


def test_a_run_that_nobody_diagnosed_is_counted_and_not_read(team: Team) -> None:
    team.run(overfits=True, reviewed=False, dropout=0)
    team.run(dropout=0.3, reviewed=False)
    evidence = read_evidence("vision")
    assert (evidence.records, evidence.looked.undiagnosed) == ((), 2)


def test_what_people_call_a_false_alarm_is_left_out(team: Team, followed: tuple[str, str]) -> None:
    (trace,) = (one for one in read_verdicts(followed[0]) if one.rule == "overfitting")
    person = AssessmentSource(AssessmentSourceType.HUMAN, "anna")
    team.client._tracking_client.store.create_assessment(
        Feedback("real_problem", False, source=person, trace_id=trace.trace_id)
    )
    evidence = read_evidence("vision")
    assert evidence.record_of("overfitting", "raise dropout") is None
    assert evidence.looked.left_out >= 1
    assert ("overfitting", 1) in {(one.rule, one.false_alarms) for one in evidence.opinions}


def test_treatments_count_by_their_tags_and_their_runs_make_no_pairs(
    team: Team, followed: tuple[str, str]
) -> None:
    for run_id, trial in zip(followed, ("a", "b"), strict=True):
        team.client.set_tag(run_id, keys.TAG_TRIAL, trial)
    tags = {
        keys.TAG_TREATED_RULE: "overfitting",
        keys.TAG_REMEDY: "raise dropout",
        keys.TAG_OUTCOME: "reverted: Worse.",
        keys.TAG_COMPARED: "worse",
    }
    for key, value in tags.items():
        team.client.set_tag(followed[1], key, value)
    evidence = read_evidence("vision")
    assert dropout(evidence) == (0, 1)
    assert (evidence.looked.treatments, evidence.looked.pairs) == (1, 0)


def test_an_experiment_that_is_not_there_is_said(team: Team) -> None:
    with pytest.raises(ExperimentNotFoundError, match="no experiment 'nowhere'"):
        read_evidence("nowhere")


def test_the_last_good_runs_are_those_that_ended_healthy(
    team: Team, followed: tuple[str, str]
) -> None:
    newest = team.run(dropout=0.5)
    running = team.run(dropout=0.5)
    team.client.update_run(running, status="RUNNING")
    good = last_healthy_runs("vision", 5)
    assert [one.identity.run_id for one in good] == [newest, followed[1]]
    assert len(last_healthy_runs("vision", 1)) == 1
    assert [one.identity.run_id for one in runs_named([followed[0]])] == [followed[0]]


def test_a_document_that_is_not_there_is_none(team: Team) -> None:
    run_id = team.run(reviewed=False)
    assert PastRuns("vision").document(run_id) is None
