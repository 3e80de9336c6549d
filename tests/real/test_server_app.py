"""`mlflow server --app-name tuneguard` in processes of its own: four workers, and a browser."""

from __future__ import annotations

import json
import math
import os
import signal
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric

from tests.real.harness.mlflow_server import QUIET, mlflow_server
from tests.real.harness.waiting import PATIENCE_SECONDS, wait_until
from tuneguard import keys

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.real.harness.browser import Witness

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Path:
    place = tmp_path_factory.mktemp("app")
    (place / "mlflow.db").write_bytes(empty_store.read_bytes())
    return place


@pytest.fixture(scope="module")
def app(folder: Path) -> Iterator[str]:
    """Tracking URI of a server with four workers, which sweeps every few seconds."""
    with mlflow_server(
        folder,
        f"sqlite:///{folder / 'mlflow.db'}",
        "--app-name",
        "tuneguard",
        "--workers",
        "4",
        environment={
            "TUNEGUARD_SERVER_FOLDER": str(folder / "tuneguard"),
            "TUNEGUARD_SERVER_SWEEP": "3",
        },
    ) as uri:
        yield uri


@pytest.fixture(scope="module")
def client(app: str) -> MlflowClient:
    return MlflowClient(app)


@pytest.fixture(scope="module")
def experiment_id(client: MlflowClient) -> str:
    return str(client.create_experiment("as anybody logs"))


@pytest.fixture(scope="module")
def runs(client: MlflowClient, experiment_id: str, folder: Path) -> dict[str, str]:
    """Runs that ended in each way, none of them recorded by tuneguard, with their reviews."""
    logged = {
        "diverged": log(client, experiment_id, "diverged", diverging),
        "killed": log(client, experiment_id, "killed", learning),
        HOSTILE: log(client, experiment_id, HOSTILE, learning),
        "by hand": log(client, experiment_id, "by hand", learning),
    }
    client.set_terminated(logged["diverged"], "FAILED")
    client.set_terminated(logged["killed"], "KILLED")
    client.set_terminated(logged[HOSTILE], "FINISHED")
    with sqlite3.connect(folder / "mlflow.db", timeout=60) as database:
        ended = "UPDATE runs SET status = 'FINISHED' WHERE run_uuid = ?"
        database.execute(ended, [logged["by hand"]])
    for run_id in logged.values():
        wait_until(lambda run_id=run_id: bool(fingerprint(client, run_id)), "a diagnosis")
    return logged


def learning(step: int) -> float:
    return 2 * math.exp(-step / 20) + 0.3 + 0.01 * (step % 7)


def diverging(step: int) -> float:
    return learning(step) if step < 100 else 0.4 * 1.3 ** (step - 100)


def log(client: MlflowClient, experiment: str, name: str, loss: Callable[[int], float]) -> str:
    run_id: str = client.create_run(experiment, run_name=name).info.run_id
    client.log_batch(run_id, [Metric("loss", loss(step), step, step) for step in range(150)])
    return run_id


def fingerprint(client: MlflowClient, run_id: str) -> str | None:
    return client.get_run(run_id).data.tags.get(keys.TAG_FINGERPRINT)


def nothing_waits(folder: Path) -> bool:
    return not list((folder / "tuneguard").glob("*/waiting/*"))


def get(app: str, path: str, **headers: str) -> tuple[int, str, Any]:
    request = urllib.request.Request(f"{app}/tuneguard/{path}", headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers


def test_every_run_that_ended_is_diagnosed(
    client: MlflowClient, app: str, runs: dict[str, str]
) -> None:
    verdicts = {
        name: client.get_run(run_id).data.tags[keys.TAG_VERDICT] for name, run_id in runs.items()
    }

    assert verdicts["diverged"] == "critical"
    status, text, _ = get(app, f"runs/{runs['diverged']}/diagnosis.json")
    assert status == 200
    assert json.loads(text)["findings"][0]["rule"] == "divergence"
    artifacts = client.list_artifacts(runs["diverged"], "tuneguard")
    assert "tuneguard/report.html" in {one.path for one in artifacts}


def test_four_workers_diagnose_a_run_once(
    client: MlflowClient, experiment_id: str, runs: dict[str, str], folder: Path
) -> None:
    run_id = log(client, experiment_id, "ended often", diverging)
    for _ in range(8):
        client.set_terminated(run_id, "FINISHED", end_time=5)
    wait_until(lambda: bool(fingerprint(client, run_id)), "a diagnosis")
    wait_until(lambda: nothing_waits(folder), "nothing waits")
    reports = list((folder / "artifacts").glob(f"**/{run_id}/artifacts/tuneguard/report.html"))
    written = [report.stat().st_mtime_ns for report in reports]
    client.set_terminated(run_id, "FINISHED", end_time=5)
    wait_until(lambda: nothing_waits(folder), "nothing waits")

    assert len(written) == 1
    assert [report.stat().st_mtime_ns for report in reports] == written
    examiners = subprocess.run(
        ["pgrep", "-f", "tuneguard.server.examiner"], capture_output=True, text=True, check=True
    )
    holders = [pid for pid in examiners.stdout.split() if holds_lock(pid, folder)]
    assert len(holders) == 1


def holds_lock(pid: str, folder: Path) -> bool:
    opened = Path(f"/proc/{pid}/fd")
    try:
        links = [str(one.readlink()) for one in opened.iterdir()]
    except OSError:
        return False
    return any(link.startswith(str(folder)) and link.endswith("/lock") for link in links)


def test_a_metric_logged_late_is_noticed(client: MlflowClient, runs: dict[str, str]) -> None:
    before = fingerprint(client, runs["killed"])
    client.log_metric(runs["killed"], "loss", 9.0, step=500)

    wait_until(
        lambda: fingerprint(client, runs["killed"]) not in {None, before}, "another diagnosis"
    )


def test_an_examiner_that_is_killed_is_replaced(
    client: MlflowClient, experiment_id: str, runs: dict[str, str], folder: Path
) -> None:
    examiners = subprocess.run(
        ["pgrep", "-f", "tuneguard.server.examiner"], capture_output=True, text=True, check=True
    )
    for pid in examiners.stdout.split():
        if holds_lock(pid, folder):
            os.kill(int(pid), signal.SIGKILL)
    run_id = log(client, experiment_id, "after the kill", diverging)
    client.set_terminated(run_id)

    wait_until(lambda: bool(fingerprint(client, run_id)), "a diagnosis")


def test_what_was_planted_does_nothing(
    client: MlflowClient, app: str, experiment_id: str, runs: dict[str, str]
) -> None:
    run_id = log(client, experiment_id, "planted", learning)
    client.log_text(run_id, HOSTILE, "tuneguard/diagnosis.json")
    client.log_text(run_id, HOSTILE, "tuneguard/report.html")
    wait_until(lambda: get(app, f"runs/{run_id}")[0] != 503, "an answer")
    status, text, headers = get(app, f"runs/{run_id}")
    assert status == 422
    assert HOSTILE not in text
    assert "default-src 'none'" in headers["content-security-policy"]
    client.log_text(run_id, " " * 9_000_000, "tuneguard/diagnosis.json")
    status, text, _ = get(app, f"runs/{run_id}")

    assert status == 422
    assert "larger than any diagnosis" in text


def test_mlflow_refuses_a_foreign_host(app: str, runs: dict[str, str]) -> None:
    assert get(app, f"runs/{runs['diverged']}", Host="evil.example")[0] == 403


def test_the_pages_in_a_browser(
    app: str, experiment_id: str, runs: dict[str, str], page: Page, witness: Witness
) -> None:
    from tests.real.harness.browser import keep_screenshot

    page.goto(f"{app}/tuneguard/")
    page.get_by_role("link", name="as anybody logs").click()
    page.wait_for_url(f"**/experiments/{experiment_id}")
    verdicts = page.locator("tbody td[data-label=Verdict]").all_inner_texts()
    assert verdicts[0] == "Critical"
    assert page.get_by_role("link", name=HOSTILE, exact=True).is_visible()
    keep_screenshot(page, "server-experiment")
    page.get_by_role("link", name="divergence").first.click()
    page.wait_for_url("**?rule=divergence")
    assert 0 < page.locator("tbody tr").count() < len(verdicts)
    page.goto(f"{app}/tuneguard/experiments/{experiment_id}")
    page.get_by_label("Run name or id").fill("script")
    page.get_by_role("button", name="Filter").click()
    page.wait_for_url("**text=script*")
    assert page.locator("tbody tr").count() == 1

    assert witness.dialogs == []
    assert witness.hosts == {app.removeprefix("http://")}


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--gunicorn-opts", "--timeout 60", "leave out --gunicorn-opts"),
        ("--artifacts-only", None, "leave out --artifacts-only"),
        ("--dev", None, "'--dev' cannot be used with '--app-name'"),
    ],
)
def test_what_cannot_be_combined_ends_with_a_clear_error(
    tmp_path: Path, option: str, value: str | None, words: str
) -> None:
    command = [sys.executable, "-m", "mlflow", "server", "--app-name", "tuneguard", "--port", "0"]
    done = subprocess.run(
        [*command, "--workers", "2", option, *([value] if value else [])],
        cwd=tmp_path,
        env=os.environ | QUIET,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    assert words in done.stderr
