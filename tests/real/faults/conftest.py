"""A real MLflow server, a proxy before it that makes faults, and training processes."""

from __future__ import annotations

import http.client
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient

from tuneguard import keys
from tuneguard.storage.reachability import is_reachable
from tuneguard.storage.record import load_record

PROGRAM = Path(__file__).parent / "training_process.py"
EXPERIMENT = "trainings"
PATIENCE_SECONDS = 60.0
"""Against hangs only: nothing is measured by it."""


class Server:
    """An MLflow server in another process, on a port and a store of its own."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.uri = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        options = {
            "--workers": "1",
            "--host": "127.0.0.1",
            "--port": str(self.port),
            "--backend-store-uri": f"sqlite:///{self._folder / 'mlflow.db'}",
            "--artifacts-destination": str(self._folder / "artifacts"),
        }
        quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *(t for o in options.items() for t in o)],
            env=os.environ | quiet,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_reachable(self.uri, 1.0):
            assert time.monotonic() < deadline, "the server does not start"
            time.sleep(0.1)

    def kill(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


@pytest.fixture(scope="session")
def running_server(
    tmp_path_factory: pytest.TempPathFactory, empty_store: Path
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    (folder / "mlflow.db").write_bytes(empty_store.read_bytes())
    server = Server(folder)
    server.start()
    # the first experiment was created without a server, and keeps its artifacts without one
    MlflowClient(server.uri).create_experiment(EXPERIMENT)
    yield server
    server.kill()


@pytest.fixture
def server(running_server: Server) -> Server:
    if not is_reachable(running_server.uri):
        running_server.start()
    return running_server


@dataclass
class Faults:
    """What a proxy does to requests.

    Attributes:
        latency: Seconds that each waits.
        answers: Status codes that the next ones get, in place of what the server says.
        is_away: Whether there seems to be no server behind the proxy.
        refused_key: A metric whose batches are refused.
    """

    latency: float = 0.0
    answers: list[int] = field(default_factory=list)
    is_away: bool = False
    refused_key: str = "no-such-key"
    uri: str = ""


class FaultyProxy(BaseHTTPRequestHandler):
    """Hands requests through to a server, but for its faults."""

    faults: Faults
    port: int
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        time.sleep(self.faults.latency)
        # who asked may have given up meanwhile
        with suppress(ConnectionError):
            self._respond(body)

    def _respond(self, body: bytes) -> None:
        if self.faults.is_away:
            self._answer(503, b"no server", {})
        elif self.faults.answers:
            self._answer(self.faults.answers.pop(0), b"busy", {"Retry-After": "1"})
        elif self.path.endswith("log-batch") and self.faults.refused_key.encode() in body:
            reason = {"error_code": "INVALID_PARAMETER_VALUE", "message": "no such key"}
            self._answer(400, json.dumps(reason).encode(), {})
        else:
            self._hand_through(body)

    def _hand_through(self, body: bytes) -> None:
        onward = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with closing(onward):
            onward.request(self.command, self.path, body, dict(self.headers))
            answer = onward.getresponse()
            kind = answer.headers.get("Content-Type", "text/plain")
            content = answer.read()
        self._answer(answer.status, content, {"Content-Type": kind})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
    setattr(FaultyProxy, f"do_{method}", FaultyProxy._serve)


@pytest.fixture
def faults(server: Server) -> Iterator[Faults]:
    """A reverse proxy before the server; without faults it hands everything through."""
    faults = Faults()
    handler = type("Proxy", (FaultyProxy,), {"faults": faults, "port": server.port})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as proxy:
        proxy.daemon_threads = True
        thread = threading.Thread(target=proxy.serve_forever, args=(0.05,))
        thread.start()
        faults.uri = f"http://127.0.0.1:{proxy.server_port}"
        yield faults
        proxy.shutdown()
        thread.join()


class Training:
    """One script in a process of its own."""

    def __init__(self, forker: subprocess.Popen[bytes], log: Path) -> None:
        self._forker = forker
        self._log = log
        self.process = int(self._line())

    @property
    def printed(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def hear(self, word: str) -> None:
        """Wait for the script to say a word."""
        line = self._line()
        assert line == word, f"{line}\n{self.printed}"

    def go_on(self) -> None:
        """Let a script that waits go on."""
        assert self._forker.stdin is not None
        self._forker.stdin.write(b"go\n")

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.process, number)

    def end(self) -> int:
        """Wait for the end, and return the exit status."""
        line = self._line()
        assert line.startswith("ended "), f"{line}\n{self.printed}"
        return int(line.removeprefix("ended "))

    def _line(self) -> str:
        assert self._forker.stdout is not None
        readable, _, _ = select.select([self._forker.stdout], [], [], PATIENCE_SECONDS)
        if not readable:
            os.kill(self.process, signal.SIGKILL)
            pytest.fail(f"the training hangs\n{self.printed}")
        return self._forker.stdout.readline().decode().strip()


@pytest.fixture(scope="session")
def forker() -> Iterator[subprocess.Popen[bytes]]:
    """The process that has torch loaded."""
    with subprocess.Popen(
        [sys.executable, str(PROGRAM)], bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process
        assert process.stdin is not None
        process.stdin.close()


Start = Callable[[str], Training]


@pytest.fixture
def start(
    forker: subprocess.Popen[bytes], server: Server, spool_root: Path, tmp_path: Path
) -> Start:
    """Start a script, for a server and a spool of the test."""

    def started(code: str, uri: str = server.uri) -> Training:
        environment = {
            "MLFLOW_TRACKING_URI": uri,
            "MLFLOW_EXPERIMENT_NAME": EXPERIMENT,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "1",
            "TUNEGUARD_SPOOL": str(spool_root),
        }
        log = tmp_path / "log.txt"
        log.touch()
        script = {"code": code, "environment": environment, "log": str(log)}
        assert forker.stdin is not None
        forker.stdin.write(json.dumps(script).encode())
        return Training(forker, log)

    return started


@dataclass(frozen=True)
class Kept:
    """What a run has after everything."""

    status: str
    charted: list[int]
    recorded: list[int]
    tags: dict[str, str]


@pytest.fixture
def kept(server: Server) -> Callable[..., Kept]:
    """Read back the steps of a key."""
    client = MlflowClient(server.uri)

    def read(run_id: str, key: str = keys.TRAIN_LOSS) -> Kept:
        run = client.get_run(run_id)
        points = client.get_metric_history(run_id, key)
        record = load_record(client, run_id)
        found = record.points.get(key) if record else None
        recorded = np.empty(0) if found is None else found[0]
        return Kept(
            run.info.status,
            [point.step for point in sorted(points, key=lambda one: (one.timestamp, one.step))],
            recorded.astype(int).tolist(),
            {k: v for k, v in run.data.tags.items() if re.match(r"tuneguard\.", k)},
        )

    return read


@pytest.fixture
def new_run(server: Server) -> str:
    """A run that is not ours to end."""
    client = MlflowClient(server.uri)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    return str(client.create_run(experiment.experiment_id).info.run_id)
