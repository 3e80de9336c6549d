"""Servers that do not serve."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tuneguard.exceptions import StoreUnreachableError
from tuneguard.storage import connection, store_probe
from tuneguard.storage.reader import load_run


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
