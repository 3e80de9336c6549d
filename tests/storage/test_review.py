"""A review in a real store: what it replaces, what it leaves alone, how it heals."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tuneguard import keys
from tuneguard.exceptions import StoreUnreachableError
from tuneguard.storage import finding_traces
from tuneguard.storage.connection import find_run
from tuneguard.storage.review import (
    Review,
    finding_value,
    has_traces,
    is_written,
    write_review,
)
from tuneguard.storage.run_page import findings_page, run_page
from tuneguard.storage.trace_layout import FindingTrace

REVIEW = Review(
    fingerprint="one",
    tags={
        keys.TAG_VERDICT: "critical",
        keys.TAG_FINDINGS: "divergence, loss-spikes",
        keys.TAG_VERSION: "1.0",
        "tuneguard.divergence": finding_value("critical", "step", "120"),
        "tuneguard.loss-spikes": finding_value("warning", "step", "7"),
    },
    description="**critical**",
    artifacts={"tuneguard/report.md": "report", "tuneguard/findings_table.json": "{}"},
    table="tuneguard/findings_table.json",
)
HEALTHY = Review(
    fingerprint="two",
    tags={
        keys.TAG_VERDICT: "healthy",
        keys.TAG_FINDINGS: "none",
        keys.TAG_VERSION: "1.0",
    },
    description="**healthy**",
    artifacts=REVIEW.artifacts,
    table=REVIEW.table,
)

TRACE = FindingTrace("divergence", "critical", (120, 200), "It rose.", "Fix", "?", "It rose.", ())


def tags(client: MlflowClient, run_id: str) -> dict[str, str]:
    return dict(client.get_run(run_id).data.tags)


def write(client: MlflowClient, run_id: str, review: Review = REVIEW) -> None:
    write_review(client, find_run(client, run_id), review)


def test_tags_artifacts_and_description(client: MlflowClient, run_id: str) -> None:
    write(client, run_id)
    found = tags(client, run_id)
    assert found.items() >= REVIEW.tags.items()
    assert found[keys.TAG_FINGERPRINT] == "one"
    assert "**critical**" in found["mlflow.note.content"]
    assert json.loads(found["mlflow.loggedArtifacts"]) == [{"path": REVIEW.table, "type": "table"}]
    paths = {entry.path for entry in client.list_artifacts(run_id, keys.ARTIFACTS)}
    assert paths == set(REVIEW.artifacts)


def test_a_finished_run_keeps_its_status_and_times(client: MlflowClient, run_id: str) -> None:
    client.set_terminated(run_id, "FAILED", end_time=12345)
    before = client.get_run(run_id).info.to_proto()
    write(client, run_id)
    assert client.get_run(run_id).info.to_proto() == before


def test_only_a_whole_review_counts_as_written(client: MlflowClient, run_id: str) -> None:
    assert not is_written(client.get_run(run_id), "one")
    write(client, run_id)
    assert is_written(client.get_run(run_id), "one")
    assert not is_written(client.get_run(run_id), "two")


def test_tags_of_findings_that_are_gone_are_removed(client: MlflowClient, run_id: str) -> None:
    write(client, run_id)
    write(client, run_id, HEALTHY)
    ours = {key for key in tags(client, run_id) if key.startswith("tuneguard.")}
    assert ours == {*HEALTHY.tags, keys.TAG_FINGERPRINT}


def test_an_edited_tag_of_a_finding_is_removed_too(client: MlflowClient, run_id: str) -> None:
    write(client, run_id)
    client.set_tag(run_id, "tuneguard.divergence", "looked at it")
    client.set_tag(run_id, keys.TAG_FINDINGS, "divergence")
    write(client, run_id, HEALTHY)
    assert not {"tuneguard.divergence", "tuneguard.loss-spikes"} & tags(client, run_id).keys()


def test_what_belongs_to_others_stays(client: MlflowClient, run_id: str) -> None:
    mine = {
        "tuneguard.owner": "a person",
        "team": "vision",
        "mlflow.note.content": "My notes.",
        "mlflow.loggedArtifacts": '[{"path": "mine.json", "type": "table"}]',
    }
    for key, value in mine.items():
        client.set_tag(run_id, key, value)
    write(client, run_id)
    write(client, run_id, HEALTHY)
    found = tags(client, run_id)
    assert (found["tuneguard.owner"], found["team"]) == ("a person", "vision")
    assert found["mlflow.note.content"].startswith("My notes.\n\n<!--")
    paths = [entry["path"] for entry in json.loads(found["mlflow.loggedArtifacts"])]
    assert paths == ["mine.json", REVIEW.table]


@pytest.mark.parametrize("odd", ["not json", '{"a": 1}'])
def test_an_odd_list_of_artifacts_is_left_alone(
    client: MlflowClient, run_id: str, odd: str
) -> None:
    client.set_tag(run_id, "mlflow.loggedArtifacts", odd)
    write(client, run_id)
    assert tags(client, run_id)["mlflow.loggedArtifacts"] == odd


def test_an_interrupted_review_is_not_taken_for_whole(
    client: MlflowClient, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(client, run_id)

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "log_batch", interrupt)
        with pytest.raises(KeyboardInterrupt):
            write(client, run_id, replace(HEALTHY, fingerprint="one"))
    assert not is_written(client.get_run(run_id), "one")
    write(client, run_id, HEALTHY)
    assert tags(client, run_id).items() >= HEALTHY.tags.items()
    assert "tuneguard.divergence" not in tags(client, run_id)


def test_without_artifacts_the_tags_are_written_all_the_same(client: MlflowClient) -> None:
    experiment = client.create_experiment("elsewhere", artifact_location="nowhere://bucket")
    run_id = client.create_run(experiment).info.run_id
    with pytest.raises(StoreUnreachableError, match="its report was not"):
        write(client, run_id)
    assert tags(client, run_id).items() >= REVIEW.tags.items()
    assert keys.TAG_FINGERPRINT not in tags(client, run_id)


def test_a_store_without_a_server_gets_the_command_that_starts_one() -> None:
    page = run_page("sqlite:///my runs.db", "1", "abc")
    assert "#/experiments/1/runs/abc?workflowType=machine_learning" in page
    assert "mlflow server --backend-store-uri 'sqlite:///my runs.db'" in page


def test_traces_are_part_of_a_whole_review(client: MlflowClient, run_id: str) -> None:
    write(client, run_id, replace(REVIEW, traces=[TRACE]))
    assert tags(client, run_id)[keys.TAG_TRACES] == "written"
    assert has_traces(client.get_run(run_id))


def test_a_review_without_traces_leaves_those_that_are_there(
    client: MlflowClient, run_id: str
) -> None:
    write(client, run_id, replace(REVIEW, traces=[TRACE]))
    write(client, run_id, HEALTHY)
    run = client.get_run(run_id)
    assert list(finding_traces.find_traces(client, run.info.experiment_id, run_id))
    assert not has_traces(run)


def test_a_failure_of_traces_loses_nothing_else_and_heals(
    client: MlflowClient, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no space left")

    review = replace(REVIEW, traces=[TRACE])
    with monkeypatch.context() as patch:
        patch.setattr(finding_traces, "trace_spans", refuse)
        with pytest.raises(StoreUnreachableError, match=r"\(no space left\).*--no-traces"):
            write(client, run_id, review)
    assert tags(client, run_id).items() >= REVIEW.tags.items()
    assert not is_written(client.get_run(run_id), "one")
    assert not has_traces(client.get_run(run_id))
    write(client, run_id, review)
    assert is_written(client.get_run(run_id), "one")


# MLflow that still takes folders of files warns of them
@pytest.mark.filterwarnings("ignore:The filesystem tracking backend:FutureWarning")
def test_a_store_of_files_gets_the_review_without_traces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    store = MlflowClient((tmp_path / "mlruns").as_uri())
    run_id = store.create_run("0").info.run_id
    assert not write_review(store, find_run(store, run_id), replace(REVIEW, traces=[TRACE]))
    found = tags(store, run_id)
    assert found[keys.TAG_TRACES] == "unsupported"
    assert found[keys.TAG_FINGERPRINT] == "one"


def test_findings_have_an_address_of_their_own() -> None:
    assert findings_page("http://mlflow:5000/", "1", "abc") == (
        "http://mlflow:5000/#/experiments/1/runs/abc/traces?workflowType=machine_learning"
    )
