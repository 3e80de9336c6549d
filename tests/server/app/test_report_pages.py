"""The page of a report, and the document behind it, as the server sends them."""

from __future__ import annotations

import warnings

from mlflow import MlflowClient

from tests.server.conftest import LogRun
from tuneguard import keys
from tuneguard.server.examiner_process import ExaminerError, ExaminerStartingError

with warnings.catch_warnings():
    # how MLflow serves its older half, and what the test client asks with
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient


from tests.server.app.conftest import SCRIPT, ReaderInThisProcess, policy


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
