"""MLflow servers as people run them: `mlflow server` in a process of its own."""

from __future__ import annotations

import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.real.harness.processes import free_port, serving

QUIET = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


@contextmanager
def mlflow_server(
    folder: Path,
    store: str,
    *options: str,
    environment: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """Serve a store and its artifacts on the loopback interface.

    Args:
        folder: A folder of the server's own, for its log and its artifacts.
        store: URI of the database.
        *options: More options of `mlflow server`, such as `--app-name`.
        environment: What the server finds in its environment.

    Yields:
        The tracking URI.
    """
    port = free_port()
    uri = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--backend-store-uri", store]
    command += ["--artifacts-destination", str(folder / "artifacts"), *options]
    with serving(
        command,
        lambda: _answers(f"{uri}/health"),
        folder=folder,
        environment=QUIET | dict(environment or {}),
    ):
        yield uri


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=1).close()
    except OSError:
        return False
    return True
