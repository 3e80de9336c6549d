"""Against a real server in another process, which goes away and comes back."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import mlflow
import pytest
import torch
from mlflow import MlflowClient
from torch import nn

from tuneguard import keys
from tuneguard.recording import TuneGuardCallback
from tuneguard.storage import delivery_thread
from tuneguard.storage.reachability import is_reachable
from tuneguard.storage.record import load_record
from tuneguard.storage.sync import sync


class Server:
    """An MLflow server on a port and a store of its own."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.uri = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        options = {
            "--workers": "1",
            "--host": "127.0.0.1",
            "--port": str(self._port),
            "--backend-store-uri": f"sqlite:///{self._folder / 'mlflow.db'}",
            "--artifacts-destination": str(self._folder / "artifacts"),
        }
        arguments = [text for option in options.items() for text in option]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *arguments],
            env=os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + 60
        while not is_reachable(self.uri, 1.0):
            assert time.monotonic() < deadline, "the server does not start"
            time.sleep(0.1)

    def kill(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


@pytest.fixture
def server(empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    (tmp_path / "mlflow.db").write_bytes(empty_store.read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(delivery_thread, "INTERVAL_SECONDS", 0.1)
    monkeypatch.setattr(delivery_thread, "HOLD_SECONDS", 0.1)
    server = Server(tmp_path)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(server.uri)
    yield server
    server.kill()
    mlflow.set_tracking_uri(before)


def train(guard: TuneGuardCallback, model: nn.Module, optimizer: torch.optim.Optimizer) -> float:
    started = time.monotonic()
    for _ in range(20):
        optimizer.zero_grad()
        loss = model(torch.ones(4, 6)).square().mean()
        loss.backward()
        guard.on_after_backward(loss)
        optimizer.step()
    return time.monotonic() - started


@pytest.mark.server
@pytest.mark.parametrize("returns", ["while training", "after training"])
def test_a_server_that_dies_costs_nothing(
    server: Server, model: nn.Module, spool_root: Path, returns: str
) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    server.start()
    with TuneGuardCallback(model, optimizer, flush_every=5) as guard:
        mlflow.log_param("lr", 0.1)
        train(guard, model, optimizer)
        time.sleep(1.0)
        server.kill()
        assert train(guard, model, optimizer) < 2.0
        time.sleep(0.5)
        if returns == "while training":
            server.start()
        train(guard, model, optimizer)
    if returns == "after training":
        assert len(list(spool_root.iterdir())) == 1
        server.start()
        assert [result.outcome for result in sync(spool_root)] == ["delivered"]
    assert not list(spool_root.iterdir())
    client = MlflowClient(server.uri)
    run = client.get_run(guard.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["lr"] == "0.1"
    history = client.get_metric_history(guard.run_id, keys.TRAIN_LOSS)
    assert sorted(point.step for point in history) == list(range(60))
    record = load_record(client, guard.run_id)
    assert record.points[keys.TRAIN_LOSS][0].tolist() == list(range(60))


def test_without_a_server_training_is_recorded(
    model: nn.Module,
    tracking_uri: str,
    spool_root: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    started = time.monotonic()
    with TuneGuardCallback(
        model, optimizer, tracking_uri="http://127.0.0.1:9", experiment="later"
    ) as guard:
        assert guard.run_id is None
        train(guard, model, optimizer)
    assert time.monotonic() - started < 8.0
    assert caplog.text.count("No run could be started") == 1
    assert caplog.text.count("send it with: tuneguard sync") == 1
    result = sync(spool_root, tracking_uri)[0]
    assert result.outcome == "delivered"
    client = MlflowClient(tracking_uri)
    run = client.get_run(result.run_id)
    assert run.info.status == "FINISHED"
    assert client.get_experiment(run.info.experiment_id).name == "later"
    assert len(client.get_metric_history(result.run_id, keys.TRAIN_LOSS)) == 20


KILLED_LOOP = """
import os, signal, sys, time, torch
from tuneguard.recording import TuneGuardCallback
model = torch.nn.Linear(6, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
guard = TuneGuardCallback(model, optimizer, tracking_uri=sys.argv[1], flush_every=5)
for _ in range(23):
    loss = model(torch.ones(4, 6)).square().mean()
    loss.backward()
    guard.on_after_backward(loss)
    optimizer.step()
time.sleep(1.0)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_a_killed_process_loses_one_packet_at_most(tracking_uri: str, spool_root: Path) -> None:
    code = subprocess.run(
        [sys.executable, "-c", KILLED_LOOP, tracking_uri], check=False
    ).returncode
    assert code == -signal.SIGKILL
    result = sync(spool_root)[0]
    assert result.outcome == "delivered"
    client = MlflowClient(tracking_uri)
    assert client.get_run(result.run_id).info.status == "FAILED"
    record = load_record(client, result.run_id)
    assert record.points[keys.TRAIN_LOSS][0].tolist() == list(range(20))
