"""The parts themselves: they start, and are what they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlflow import MlflowClient
from sqlalchemy import create_engine, text

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_a_server_keeps_runs_and_artifacts(server: str, experiment: str) -> None:
    client = MlflowClient(server)
    run_id = client.create_run(experiment).info.run_id
    client.log_text(run_id, "kept", "note.txt")
    assert [one.path for one in client.list_artifacts(run_id)] == ["note.txt"]


def test_runs_are_rows_of_postgresql(postgresql_server: str, postgresql_uri: str) -> None:
    client = MlflowClient(postgresql_server)
    run_id = client.create_run(client.create_experiment("rows")).info.run_id
    engine = create_engine(postgresql_uri)
    with engine.connect() as connection:
        query = text("SELECT count(*) FROM runs WHERE run_uuid = :run_id")
        assert connection.execute(query, {"run_id": run_id}).scalar() == 1
    engine.dispose()


def test_the_browser_shows_a_run(server: str, experiment: str, page: Page) -> None:
    run = MlflowClient(server).create_run(experiment, run_name="first-light")
    page.goto(f"{server}/#/experiments/{experiment}/runs/{run.info.run_id}")
    page.get_by_text("first-light").first.wait_for()
