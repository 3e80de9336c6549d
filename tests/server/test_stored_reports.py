"""What lies in a run is shown where it is its diagnosis, and does nothing where it is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.reports import samples
from tests.server.conftest import LogRun
from tuneguard.exceptions import DiagnosisFormatError
from tuneguard.reports.document import to_json
from tuneguard.server import stored_reports
from tuneguard.server.stored_reports import StoredReports

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def reports(tracking_uri: str) -> StoredReports:
    return StoredReports(tracking_uri)


def plant(client: MlflowClient, run_id: str, text: str, name: str = "diagnosis.json") -> None:
    client.log_text(run_id, text, f"tuneguard/{name}")


def planted(run_id: str, text: str = SCRIPT) -> str:
    """Return a diagnosis of this run in which all else is hostile."""
    document = json.loads(to_json(samples.with_text(text)))
    document["run"]["run_id"] = run_id
    return json.dumps(document)


def test_a_run_without_a_diagnosis_has_none(reports: StoredReports, log_run: LogRun) -> None:
    run_id = log_run(points=1)

    assert reports.page(run_id, []) == {"text": None}
    assert reports.document(run_id) == {"text": None}


def test_a_planted_diagnosis_is_text_and_nothing_else(
    reports: StoredReports, client: MlflowClient, log_run: LogRun
) -> None:
    run_id = log_run(points=1)
    plant(client, run_id, planted(run_id, f'{SCRIPT}"><img src=x onerror=alert(1)>'))
    plant(client, run_id, f"<html>{SCRIPT}", "report.html")

    page = reports.page(run_id, [["To the list", "../experiments/1"]])["text"]

    assert '<a href="../experiments/1">To the list</a>' in page
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "<img" not in page


NO_DIAGNOSES = (
    (SCRIPT, "not a JSON document"),
    ("[]", "not a diagnosis"),
    (to_json(samples.healthy()), "of another run"),
    (to_json(samples.healthy()).replace('"verdict"', '"Verdict"'), "not a diagnosis"),
    (to_json(samples.healthy()).replace('"1"', '"99"', 1), "another version"),
    ("[" * 50_000, "not a JSON document"),
)


def test_what_is_no_diagnosis_of_the_run_is_refused(
    reports: StoredReports, client: MlflowClient, log_run: LogRun
) -> None:
    run_id = log_run(points=1)
    for text, reason in NO_DIAGNOSES:
        plant(client, run_id, text)
        with pytest.raises(DiagnosisFormatError, match=reason):
            reports.page(run_id, [])


def test_what_is_too_large_is_not_even_read(
    reports: StoredReports,
    client: MlflowClient,
    log_run: LogRun,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_id = log_run(points=1)
    plant(client, run_id, planted(run_id))
    monkeypatch.setattr(stored_reports, "MAX_BYTES", 100)
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail("it was read"))

    with pytest.raises(DiagnosisFormatError, match="larger than any diagnosis"):
        reports.document(run_id)


def test_more_findings_than_can_be_drawn_are_refused(
    reports: StoredReports, client: MlflowClient, log_run: LogRun
) -> None:
    run_id = log_run(points=1)
    document = json.loads(planted(run_id))
    document["findings"] = document["findings"] * 101
    plant(client, run_id, json.dumps(document))

    with pytest.raises(DiagnosisFormatError, match="more than 100 findings"):
        reports.page(run_id, [])
