from __future__ import annotations

import os
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from tuneguard.storage.reachability import impatient_requests
from tuneguard.storage.run_choice import absolute, choose_run, end_run


def test_a_given_run_is_taken(tracking_uri: str) -> None:
    ticket = choose_run("some-run")
    assert (ticket.run_id, ticket.own_run, ticket.tracking_uri) == (
        "some-run",
        False,
        tracking_uri,
    )


def test_the_active_run_is_taken(tracking_uri: str) -> None:
    with mlflow.start_run() as run:
        assert choose_run().run_id == run.info.run_id
        assert not choose_run().own_run


def test_a_run_is_started_and_ended(client: MlflowClient) -> None:
    ticket = choose_run(experiment="new")
    assert ticket.own_run
    assert mlflow.active_run().info.run_id == ticket.run_id
    assert end_run(ticket, "FAILED")
    assert mlflow.active_run() is None
    assert client.get_run(ticket.run_id).info.status == "FAILED"


def test_a_run_in_another_store_stands_beside_the_active_one(
    client: MlflowClient, empty_store: Path, tmp_path: Path
) -> None:
    (tmp_path / "other.db").write_bytes(empty_store.read_bytes())
    other = f"sqlite:///{tmp_path / 'other.db'}"
    with mlflow.start_run() as run:
        ticket = choose_run(tracking_uri=other)
        assert mlflow.active_run().info.run_id == run.info.run_id
        assert end_run(ticket, "KILLED")
        assert mlflow.active_run().info.run_id == run.info.run_id
    assert MlflowClient(other).get_run(ticket.run_id).info.status == "KILLED"


def test_a_run_that_the_user_ended_keeps_its_status(client: MlflowClient) -> None:
    ticket = choose_run()
    mlflow.end_run("FAILED")
    assert end_run(ticket, "FINISHED")
    assert client.get_run(ticket.run_id).info.status == "FAILED"


def test_a_store_that_refuses_is_said_once(
    tracking_uri: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(**_: object) -> None:
        raise MlflowException("permission denied")

    monkeypatch.setattr(mlflow, "start_run", refuse)
    ticket = choose_run()
    assert (ticket.run_id, ticket.own_run) == (None, True)
    assert caplog.text.count("permission denied") == 1
    assert not end_run(ticket, "FINISHED")


def test_a_relative_store_means_the_same_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute("sqlite:///mlflow.db") == f"sqlite:///{tmp_path}/mlflow.db"
    assert absolute("./mlruns") == f"{tmp_path}/mlruns"
    for uri in (
        "databricks",
        "databricks://profile",
        "sqlite:///:memory:",
        "file:///data",
        "/data",
        "https://host/path",
    ):
        assert absolute(uri) == uri


def test_impatience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", raising=False)
    with impatient_requests(3):
        assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "3"
        assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "0"
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "77"
    assert "MLFLOW_HTTP_REQUEST_MAX_RETRIES" not in os.environ
