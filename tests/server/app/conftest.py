"""MLflow's own app with the pages in it, on a SQLite store, as a test client sees it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import RunTag

from tests.reports import samples
from tests.server.conftest import LogRun
from tuneguard import keys
from tuneguard.reports.document import to_json
from tuneguard.server.settings import settings_from

with warnings.catch_warnings():
    # how MLflow serves its older half, and what the test client asks with
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient
    from mlflow.server import handlers

    from tuneguard.server import report_reader
    from tuneguard.server.app import app_of
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


def policy(headers: Any) -> str:
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    return str(headers["content-security-policy"])
