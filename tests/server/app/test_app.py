"""The pages and the middleware inside MLflow's own app, on a SQLite store."""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.server.app.conftest import SCRIPT, Serve, policy
from tests.server.conftest import LogRun
from tuneguard.server.settings import settings_from

with warnings.catch_warnings():
    # how MLflow serves its older half, and what the test client asks with
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient

    from tuneguard.server import app as app_module
    from tuneguard.server.app import app_of, create_app


def waiting_in(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "folder").glob("*/waiting/*")}


def test_a_run_that_ends_over_http_waits_for_its_diagnosis(
    site: TestClient, log_run: LogRun, tmp_path: Path
) -> None:
    run_id = log_run(status=None, points=1)
    update = "/api/2.0/mlflow/runs/update"
    assert site.post(update, json={"run_id": run_id, "run_name": "new"}).status_code == 200
    assert waiting_in(tmp_path) == set()

    answer = site.post(update, json={"run_id": run_id, "status": "KILLED", "end_time": 5})

    assert answer.json()["run_info"]["status"] == "KILLED"
    assert waiting_in(tmp_path) == {run_id}
    assert "Load this page again" in site.get(f"/tuneguard/runs/{run_id}").text
    assert "Waits for its diagnosis" in site.get("/tuneguard/experiments/1").text


def test_an_experiment_lists_its_runs_and_counts_them(
    site: TestClient, client: MlflowClient, diagnosed: str, log_run: LogRun
) -> None:
    late = log_run(name="late", status=None, points=1)
    page = site.get("/tuneguard/experiments/1")

    assert "style-src 'sha256-" in policy(page.headers)
    assert page.text.index(diagnosed) < page.text.index(late)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
    assert "<script" not in page.text
    assert re.search(r'verdict=warning">Warning <span class="quiet">1<', page.text)
    assert "?rule=overfitting" in page.text
    assert diagnosed not in site.get("/tuneguard/experiments/1?verdict=healthy").text
    assert diagnosed in site.get("/tuneguard/experiments/1?rule=overfitting&text=SCRIPT").text
    index = site.get("/tuneguard/").text
    assert 'href="experiments/1"' in index
    assert "training" in site.get("/tuneguard/?text=rain").text
    assert "training" not in site.get("/tuneguard/?text=nothing%27of").text


def test_what_is_typed_into_a_filter_is_text(site: TestClient, experiment: str) -> None:
    hostile = "\"><img src=x onerror=alert(1)>' or 1"
    page = site.get(f"/tuneguard/experiments/{experiment}", params={"text": hostile})

    assert page.status_code == 200
    assert "<img" not in page.text


def test_a_failed_diagnosis_is_shown(serve: Serve, log_run: LogRun, tmp_path: Path) -> None:
    run_id = log_run(points=1)
    site = serve()
    (folder,) = (tmp_path / "folder").glob("*/failed")
    note = {"reason": f"no right {SCRIPT}", "at": 0.0, "attempts": 1}
    (folder / run_id).write_text(json.dumps(note))

    for address in (f"runs/{run_id}", "experiments/1"):
        page = site.get(f"/tuneguard/{address}").text
        assert "failed at 1970-01-01 00:00 UTC: no right &lt;script&gt;" in page


NOWHERE = (
    "runs/0123456789abcdef0123456789abcdef",
    "runs/..%2f..%2fetc%2fpasswd",
    "runs/a%00b",
    "experiments/77",
    "experiments/abc",
    "experiments/99999999999999999999999999",
    "experiments/0?verdict=worst",
    "experiments/0?after=critical.zzzz",
    "experiments/0?rule=%27",
    "?after=zzz",
    "elsewhere",
)


def test_an_address_of_nothing_says_what_there_is(site: TestClient) -> None:
    for address in NOWHERE:
        page = site.get(f"/tuneguard/{address}")
        assert page.status_code == 404, address
        assert "tuneguard/runs/ID" in page.text
        assert "default-src 'none'" in policy(page.headers)


def test_deleted_things_say_how_to_restore_them(
    site: TestClient, client: MlflowClient, experiment: str, log_run: LogRun
) -> None:
    run_id = log_run(points=1)
    client.delete_run(run_id)
    assert "mlflow runs restore" in site.get(f"/tuneguard/runs/{run_id}").text
    client.delete_experiment(experiment)
    page = site.get(f"/tuneguard/experiments/{experiment}")

    assert page.status_code == 404
    assert "mlflow experiments restore" in page.text


def test_mlflow_checks_the_host_first(site: TestClient, diagnosed: str) -> None:
    answer = site.get(f"/tuneguard/runs/{diagnosed}", headers={"host": "evil.example"})

    assert answer.status_code == 403
    assert "Overfitting" not in answer.text


def test_everything_lies_behind_a_prefix(serve: Serve, diagnosed: str) -> None:
    site = serve("/ml/")

    assert site.get("/ml/tuneguard").headers["location"] == "tuneguard/"
    assert site.get("/ml/tuneguard/").status_code == 200
    assert site.get(f"/ml/tuneguard/runs/{diagnosed}").status_code == 200
    assert site.get(f"/tuneguard/runs/{diagnosed}").status_code == 404


def test_mlflow_knows_the_app_by_its_name() -> None:
    (entry,) = [one for one in entry_points(group="mlflow.app") if one.name == "tuneguard"]

    assert entry.load() is create_app


def test_mlflow_itself_is_as_it_was(site: TestClient) -> None:
    assert site.get("/health").text == "OK"
    assert "experiments" in site.get("/api/2.0/mlflow/experiments/search?max_results=1").json()


def test_a_start_that_cannot_work_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tracking_uri: str
) -> None:
    monkeypatch.setenv("_MLFLOW_SERVER_FILE_STORE", tracking_uri)
    monkeypatch.setenv("_MLFLOW_SGI_NAME", "gunicorn")
    with pytest.raises(SystemExit) as refused:
        create_app()

    assert refused.value.code == 3
    assert capsys.readouterr().err.startswith("Error: the app tuneguard runs under uvicorn")


def test_a_folder_that_cannot_be_used_says_so(tracking_uri: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = replace(settings_from(tracking_uri, {}), folder=tmp_path / "file" / "folder")

    with pytest.raises(app_module.ServerSettingError, match="TUNEGUARD_SERVER_FOLDER"):
        app_of(settings)
