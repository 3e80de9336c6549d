"""A run that has ended gets its review; the others are left alone."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.server.conftest import LogRun
from tuneguard import keys
from tuneguard.exceptions import RunDeletedError, StoreUnreachableError
from tuneguard.reports.document_reader import from_json
from tuneguard.server.examination import Examination, mark_of

pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture
def examination(tracking_uri: str) -> Examination:
    return Examination(tracking_uri)


def test_a_run_is_diagnosed_once_and_again_after_a_late_metric(
    examination: Examination, client: MlflowClient, log_run: LogRun, tmp_path: Path
) -> None:
    run_id = log_run()
    first = examination.examine(run_id, None)
    tags = client.get_run(run_id).data.tags
    client.set_tag(run_id, keys.TAG_VERDICT, "as it was")
    again = [examination.examine(run_id, None), examination.examine(run_id, first["mark"])]

    assert first["outcome"] == "written"
    assert tags[keys.TAG_VERDICT] == "critical"
    assert [one["outcome"] for one in again] == ["current", "current"]
    assert client.get_run(run_id).data.tags[keys.TAG_VERDICT] == "as it was"
    (document,) = tmp_path.rglob("diagnosis.json")
    assert from_json(document.read_bytes()).identity.tracking_uri is None

    client.log_metric(run_id, "loss", 9.0, step=500)
    late = examination.examine(run_id, first["mark"])
    assert late["outcome"] == "written"
    assert late["mark"] != first["mark"]


def test_a_run_that_goes_on_and_one_with_nothing_in_it_are_left_alone(
    examination: Examination, client: MlflowClient, experiment: str, log_run: LogRun
) -> None:
    running = log_run(status=None, points=1)
    empty = client.create_run(experiment).info.run_id
    client.set_terminated(empty, "FAILED")

    assert examination.examine(running, None)["outcome"] == "running"
    assert examination.examine(empty, None)["outcome"] == "empty"
    for run_id in (running, empty):
        assert not any(key.startswith("tuneguard") for key in client.get_run(run_id).data.tags)


def test_a_deleted_run_is_refused(
    examination: Examination, client: MlflowClient, log_run: LogRun
) -> None:
    run_id = log_run(points=1)
    client.delete_run(run_id)

    with pytest.raises(RunDeletedError):
        examination.examine(run_id, None)


def test_artifacts_on_another_machine_are_not_written_here(
    examination: Examination, client: MlflowClient, tmp_path: Path
) -> None:
    elsewhere = client.create_experiment("elsewhere", "file:///home-of-ada/project/mlruns/1")
    run_id = client.create_run(elsewhere).info.run_id
    client.log_metric(run_id, "loss", 1.0)
    client.set_terminated(run_id)

    with pytest.raises(StoreUnreachableError, match="not a folder of the server's machine"):
        examination.examine(run_id, None)
    assert not Path("/home-of-ada").exists()


def test_a_sweep_lists_what_ended_lately(
    examination: Examination, client: MlflowClient, experiment: str, log_run: LogRun
) -> None:
    day = 86_400_000
    now = int(time.time() * 1000)
    ended = log_run(points=1)
    log_run(status=None, points=1)
    deleted = log_run(points=1)
    client.delete_run(deleted)
    long_ago = client.create_run(experiment, start_time=now - 90 * day).info.run_id
    client.set_terminated(long_ago, end_time=now - 80 * day)
    # as somebody does by hand, in the database
    without_end = log_run(status=None, points=1)
    client.update_run(without_end, status="KILLED")
    reviewed = log_run(points=1)
    client.set_tag(reviewed, keys.TAG_FINGERPRINT, "of a review")
    mark = mark_of(client.get_run(reviewed))

    answer = examination.ended_since(now - day)
    runs = {run_id: rest for run_id, *rest in answer["runs"]}

    assert runs.keys() == {ended, without_end, reviewed}
    assert runs[reviewed] == [mark, True]
    assert runs[ended][1] is False
    assert answer["seconds"] > 0
