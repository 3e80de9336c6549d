"""What an ordinary request waits while the server diagnoses runs that all ended at once.

`python -m benchmarks.server_load --runs 200 --workers 1` starts MLflow's server with and without
`--app-name tuneguard`, ends the runs, and prints median and 95th percentile of `runs/get`.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

POINTS = 200
PAUSE = 0.05
QUIET = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--requests", type=int, default=400)
    options = parser.parse_args()
    for name, app in (("MLflow alone", []), ("with tuneguard", ["--app-name", "tuneguard"])):
        with tempfile.TemporaryDirectory() as folder, _server(folder, options.workers, app) as uri:
            runs = [_log(uri) for _ in range(options.runs)]
            idle = _waits(uri, runs[0], options.requests)
            ending = time.perf_counter()
            for run in runs:
                _post(
                    uri, "runs/update", {"run_id": run, "status": "FINISHED", "end_time": 10**12}
                )
            ended = time.perf_counter() - ending
            while app and not _diagnosed(uri):
                time.sleep(1)
            busy = _waits(uri, runs[0], options.requests)
            print(f"{name}: {options.runs} runs ended in {ended:.1f} s")
            print(f"  idle:  {_said(idle)}")
            print(f"  after: {_said(busy)}")
            print(f"  diagnosed by then: {_diagnosed(uri)} of {options.runs}", flush=True)


@contextmanager
def _server(folder: str, workers: int, app: list[str]) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [sys.executable, "-m", "mlflow", "server", "--port", port, "--workers", str(workers)]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", *app]
    command += ["--artifacts-destination", f"{folder}/artifacts"]
    environment = os.environ | QUIET | {"TUNEGUARD_SERVER_FOLDER": folder}
    with (Path(folder) / "server.log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    uri = f"http://127.0.0.1:{port}"
    try:
        while not _is_up(uri):
            time.sleep(0.2)
        yield uri
    finally:
        process.terminate()
        process.wait()


def _is_up(uri: str) -> bool:
    try:
        urllib.request.urlopen(f"{uri}/health").close()
    except OSError:
        return False
    return True


def _post(uri: str, path: str, content: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        f"{uri}/api/2.0/mlflow/{path}",
        json.dumps(content).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def _log(uri: str) -> str:
    run: str = _post(uri, "runs/create", {"experiment_id": "0"})["run"]["info"]["run_id"]
    points = [
        {"key": "loss", "value": 2.0 / (1 + step) + 0.3, "step": step, "timestamp": step}
        for step in range(POINTS)
    ]
    _post(uri, "runs/log-batch", {"run_id": run, "metrics": points})
    return run


def _waits(uri: str, run: str, count: int) -> list[float]:
    """Ask again and again; return how long each answer took, in milliseconds."""
    waits = []
    for _ in range(count):
        begun = time.perf_counter()
        urllib.request.urlopen(f"{uri}/api/2.0/mlflow/runs/get?run_id={run}").close()
        waits.append(1000 * (time.perf_counter() - begun))
        time.sleep(PAUSE)
    return waits


def _said(waits: list[float]) -> str:
    ranked = sorted(waits)
    late = ranked[int(0.95 * len(ranked))]
    return f"median {statistics.median(ranked):.1f} ms, p95 {late:.1f} ms, max {ranked[-1]:.0f} ms"


def _diagnosed(uri: str) -> int:
    found = _post(
        uri,
        "runs/search",
        {
            "experiment_ids": ["0"],
            "filter": "tags.`tuneguard.fingerprint` IS NOT NULL",
            "max_results": 1000,
        },
    )
    return len(found.get("runs", []))


if __name__ == "__main__":
    main()
