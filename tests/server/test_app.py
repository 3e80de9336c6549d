"""The pages and the middleware inside MLflow's own app, on a SQLite store."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import RunTag

from tests.reports import samples
from tests.server.conftest import LogRun
from tuneguard import keys
from tuneguard.reports.document import to_json
from tuneguard.server.examiner_process import ExaminerError, ExaminerStartingError
from tuneguard.server.settings import settings_from

with warnings.catch_warnings():
    # how MLflow serves its older half, and what the test client asks with
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient
    from mlflow.server import handlers

    from tuneguard.server import app as app_module
    from tuneguard.server import report_reader
    from tuneguard.server.app import app_of, create_app
    from tuneguard.server.examiner import _answered
    from tuneguard.server.stored_reports import StoredReports

SCRIPT = "<script>alert(1)</script>"
Serve = Callable[..., TestClient]


class ReaderInThisProcess:
    """Draws without a process, or fails as a test tells it to."""

    failure: Exception | None = None
    asked = 0

    def __init__(self, places: dict[str, str]) -> None:
        reports = StoredReports(places["store"])
        self._does = {
            "page": lambda request: reports.page(request["run_id"], request["links"]),
            "document": lambda request: reports.document(request["run_id"]),
        }

    def start(self) -> None:
        """Nothing takes time."""

    def ask(self, request: dict[str, Any], timeout: float) -> dict[str, Any]:
        ReaderInThisProcess.asked += 1
        if self.failure is not None:
            raise self.failure
        return dict(_answered(request, self._does))

    def close(self, *, at_once: bool = False) -> None:
        """Nothing runs."""


@pytest.fixture
def serve(tracking_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Serve:
    monkeypatch.setattr(report_reader, "ExaminerProcess", ReaderInThisProcess)
    monkeypatch.setattr(ReaderInThisProcess, "failure", None)
    monkeypatch.setattr(ReaderInThisProcess, "asked", 0)
    monkeypatch.setenv("_MLFLOW_SERVER_FILE_STORE", tracking_uri)
    monkeypatch.setattr(handlers, "_tracking_store", None)
    settings = settings_from(tracking_uri, {"TUNEGUARD_SERVER_FOLDER": str(tmp_path / "folder")})

    def served(prefix: str = "") -> TestClient:
        app = app_of(settings, prefix=prefix)
        return TestClient(app, base_url="http://localhost", follow_redirects=False)

    return served


@pytest.fixture
def site(serve: Serve) -> TestClient:
    return serve()


@pytest.fixture
def diagnosed(client: MlflowClient, log_run: LogRun) -> str:
    """A run with what an examination leaves in it."""
    run_id = log_run(name=SCRIPT, points=1)
    finding = replace(samples.overfitted().findings[0], picture=None)
    identity = replace(samples.IDENTITY, run_id=run_id, name=SCRIPT)
    diagnosis = replace(samples.overfitted(), findings=(finding,), identity=identity)
    client.log_text(run_id, to_json(diagnosis), "tuneguard/diagnosis.json")
    tags = {
        keys.TAG_VERDICT: "warning",
        keys.TAG_FINDINGS: "overfitting",
        "tuneguard.overfitting": "warning @ epoch 12",
        keys.TAG_FINGERPRINT: "whole",
    }
    client.log_batch(run_id, tags=[RunTag(*tag) for tag in tags.items()])
    return run_id


def waiting_in(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "folder").glob("*/waiting/*")}


def policy(headers: Any) -> str:
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    return str(headers["content-security-policy"])


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


def test_a_report_is_served_with_nothing_that_could_run(site: TestClient, diagnosed: str) -> None:
    answer = site.get(f"/tuneguard/runs/{diagnosed}")

    assert answer.status_code == 200
    assert policy(answer.headers).startswith("default-src 'none'; base-uri 'none'")
    assert "script-src" not in policy(answer.headers)
    assert "<script" not in answer.text
    assert "Overfitting" in answer.text
    assert 'href="../experiments/1"' in answer.text
    assert f"../../#/experiments/1/runs/{diagnosed}?workflowType=machine_learning" in answer.text
    site.get(f"/tuneguard/runs/{diagnosed}")
    assert ReaderInThisProcess.asked == 1


def test_a_diagnosis_is_served_as_json(site: TestClient, diagnosed: str) -> None:
    answer = site.get(f"/tuneguard/runs/{diagnosed}/diagnosis.json")

    assert answer.headers["content-type"] == "application/json"
    assert "default-src 'none'" in policy(answer.headers)
    assert answer.json()["run"]["run_id"] == diagnosed


def test_an_artifact_that_is_no_diagnosis_is_not_served(
    site: TestClient, client: MlflowClient, log_run: LogRun
) -> None:
    run_id = log_run(points=1)
    client.log_text(run_id, SCRIPT, "tuneguard/diagnosis.json")
    client.log_text(run_id, SCRIPT, "tuneguard/report.html")
    page = site.get(f"/tuneguard/runs/{run_id}")

    assert page.status_code == 422
    assert "cannot be shown" in page.text
    assert SCRIPT not in page.text
    assert site.get(f"/tuneguard/runs/{run_id}/diagnosis.json").status_code == 404
    assert site.get(f"/tuneguard/runs/{run_id}/report.html").status_code == 404


def test_a_report_that_takes_too_long_is_not_tried_again(
    site: TestClient, log_run: LogRun
) -> None:
    run_id = log_run(points=1)
    ReaderInThisProcess.failure = ExaminerError("it took longer than 30 seconds")
    pages = [site.get(f"/tuneguard/runs/{run_id}") for _ in range(2)]

    assert [page.status_code for page in pages] == [422, 422]
    assert "longer than 30 seconds" in pages[1].text
    assert ReaderInThisProcess.asked == 1


def test_a_report_that_is_not_there_yet_is_asked_for_again(
    site: TestClient, diagnosed: str
) -> None:
    ReaderInThisProcess.failure = ExaminerStartingError("the process for it is still starting")
    assert site.get(f"/tuneguard/runs/{diagnosed}").status_code == 503
    ReaderInThisProcess.failure = None

    assert site.get(f"/tuneguard/runs/{diagnosed}").status_code == 200


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


def test_a_run_without_a_report_says_why(
    site: TestClient, client: MlflowClient, experiment: str, log_run: LogRun
) -> None:
    empty = client.create_run(experiment).info.run_id
    client.set_terminated(empty)
    scanned = log_run(points=1)
    client.set_tag(scanned, keys.TAG_FINGERPRINT, "of tags alone")
    running = log_run(status=None, points=1)
    words = {
        empty: "logged no metric",
        scanned: "into the run&#39;s tags, and no report",
        running: "diagnosed when it ends",
        log_run(points=1): "without a diagnosis",
    }

    for run_id, expected in words.items():
        assert expected in site.get(f"/tuneguard/runs/{run_id}").text


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
