"""Reading and reviewing over HTTP, and servers that do not serve."""

from __future__ import annotations

import math
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric

from tuneguard.exceptions import RunNotFoundError, StoreUnreachableError
from tuneguard.history import Sampling
from tuneguard.storage import connection, metric_histories, store_probe
from tuneguard.storage.connection import find_run
from tuneguard.storage.reader import load_run
from tuneguard.storage.review import Review, is_written, write_review

START_SECONDS = 60


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("server")
    (folder / "mlflow.db").write_bytes(empty_store.read_bytes())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--port", str(port)]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--backend-store-uri", "sqlite:///mlflow.db"],
            cwd=folder,
            env=os.environ | quiet,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    uri = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{uri}/health", process)
        yield uri
    finally:
        process.terminate()
        process.wait(timeout=20)


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if answers(url):
            return
        time.sleep(0.1)
    pytest.fail("the MLflow server did not start")


def answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture
def remote(server: str) -> MlflowClient:
    return MlflowClient(server)


@pytest.fixture
def remote_run(remote: MlflowClient) -> str:
    return remote.create_run("0", run_name="<b>run</b>").info.run_id


@pytest.mark.server
class TestOverHttp:
    def test_points_arrive_as_they_were_logged(
        self, remote: MlflowClient, remote_run: str
    ) -> None:
        values = [1.0, math.nan, math.inf, -math.inf]
        rows = [Metric("loss", value, 1000 + i, i) for i, value in enumerate(values)]
        remote.log_batch(remote_run, metrics=rows)
        history = load_run(remote_run, remote.tracking_uri)
        found = history.series["loss"].values.tolist()
        assert [repr(value) for value in found] == ["1.0", "nan", "inf", "-inf"]
        assert history.identity.name == "<b>run</b>"

    def test_the_server_chooses_among_too_many_points(
        self, remote: MlflowClient, remote_run: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(metric_histories, "SHORT_RUN", 100)
        monkeypatch.setattr(metric_histories, "SAMPLE_SIZE", 20)
        monkeypatch.setattr(metric_histories, "MAX_EXACT_POINTS", 100)
        rows = [Metric("loss", math.inf if i == 399 else 1.0, 1000 + i, i) for i in range(400)]
        remote.log_batch(remote_run, metrics=rows)
        series = load_run(remote_run, remote.tracking_uri).series["loss"]
        assert (len(series), series.sampling) == (20, Sampling.THINNED)
        assert (series.steps[-1], series.values[-1]) == (399, math.inf)

    def test_a_review_is_written_and_found(
        self, remote: MlflowClient, remote_run: str, tmp_path: Path
    ) -> None:
        remote.set_terminated(remote_run)
        artifacts = {"tuneguard/a.md": "ä", "tuneguard/table.json": "{}"}
        review = Review("one", {"tuneguard.x": "1"}, "ok", artifacts, "tuneguard/table.json")
        before = find_run(remote, remote_run)
        write_review(remote, before, review)
        after = find_run(remote, remote_run)
        assert is_written(after, "one")
        assert after.info.to_proto() == before.info.to_proto()
        copy = remote.download_artifacts(remote_run, "tuneguard/a.md", str(tmp_path))
        assert Path(copy).read_text(encoding="utf-8") == "ä"

    def test_an_unknown_run(self, server: str) -> None:
        with pytest.raises(RunNotFoundError, match=server):
            load_run("0" * 32, server)


@pytest.fixture
def refusing_server(request: pytest.FixtureRequest) -> Iterator[str]:
    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(request.param)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Refusing) as refusing:
        thread = threading.Thread(target=refusing.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{refusing.server_port}"
        refusing.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("refusing_server", "message"),
    [(503, "answers 503"), (404, "is not an MLflow server"), (401, "MLFLOW_TRACKING_TOKEN")],
    indirect=["refusing_server"],
)
def test_a_server_that_refuses_is_not_asked_for_long(refusing_server: str, message: str) -> None:
    started = time.monotonic()
    with pytest.raises(StoreUnreachableError, match=message):
        load_run("0" * 32, refusing_server)
    assert time.monotonic() - started < 5


def test_a_server_that_never_answers_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "TIMEOUT_SECONDS", 0.3)
    monkeypatch.setattr(store_probe, "TIMEOUT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(StoreUnreachableError, match="no answer within"):
            load_run("0" * 32, uri)
    assert time.monotonic() - started < 5
