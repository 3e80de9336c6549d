"""How long a scan of many small runs on PostgreSQL takes, the first time and the second."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
from mlflow import MlflowClient

from benchmarks.cost.results import load_average
from benchmarks.scale.runs import add_small_run
from tests.real.harness.mlflow_server import QUIET
from tests.real.harness.postgresql import postgresql, programs

RUNS = 2000
WORKERS = (1, 2, 4)
_TEMPLATES = 20
_EXPERIMENT = "small"
_EMPTY = "empty"
_CLONED = ("runs", "metrics", "latest_metrics", "params", "tags")

Row = dict[str, Any]


def measure(runs: int = RUNS, workers: Sequence[int] = WORKERS) -> list[Row]:
    """Return one row for each number of workers."""
    binaries = programs()
    if binaries is None:
        raise SystemExit("PostgreSQL is not installed: apt-get install postgresql")
    os.environ.update(QUIET)
    with tempfile.TemporaryDirectory() as scratch, postgresql(binaries) as uri:
        _fill(uri, Path(scratch), runs)
        return [_measure(uri, runs, count) for count in workers]


def _fill(uri: str, folder: Path, runs: int) -> None:
    """Log some runs as a training does, and let the database copy them."""
    client = MlflowClient(uri)
    client.create_experiment(_EMPTY, artifact_location=folder.as_uri())
    experiment = client.create_experiment(_EXPERIMENT, artifact_location=folder.as_uri())
    templates = [add_small_run(client, experiment, number) for number in range(_TEMPLATES)]
    with closing(_connection(uri)) as connection, connection, connection.cursor() as cursor:
        for table in _CLONED:
            cursor.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_name = %s "
                "AND table_schema = 'public'",
                (table,),
            )
            columns = [name for (name,) in cursor.fetchall()]
            copied = ", ".join(_copied(column) for column in columns)
            cursor.execute(
                f"INSERT INTO {table} ({', '.join(columns)}) SELECT {copied} FROM {table} "
                "CROSS JOIN generate_series(1, %s) AS copy WHERE run_uuid = ANY(%s)",
                (runs // _TEMPLATES - 1, templates),
            )
        cursor.execute("ANALYZE")


def _copied(column: str) -> str:
    new = "md5(run_uuid || copy)"
    if column == "run_uuid":
        return new
    return f"replace({column}, run_uuid, {new})" if column == "artifact_uri" else column


def _measure(uri: str, runs: int, workers: int) -> Row:
    with closing(_connection(uri)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM tags WHERE key LIKE 'tuneguard.%'")
    start, _ = _scan(uri, workers, _EMPTY)
    first, found = _scan(uri, workers)
    second, again = _scan(uri, workers)
    if found["outcomes"]["diagnosed"] != runs or again["outcomes"]["unchanged"] != runs:
        raise SystemExit(f"expected {runs} runs: {found['outcomes']}, {again['outcomes']}")
    return {
        "workers": workers,
        "runs": runs,
        "start": start,
        "first": first,
        "second": second,
        "verdicts": found["verdicts"],
        "load": load_average(),
    }


def _scan(uri: str, workers: int, experiment: str = _EXPERIMENT) -> tuple[float, Any]:
    command = [sys.executable, "-m", "tuneguard", "scan", "--experiment", experiment]
    command += ["--workers", str(workers), "--format", "json", "--fail-on", "never"]
    begun = time.perf_counter()
    done = subprocess.run(
        [*command, "--tracking-uri", uri], check=True, capture_output=True, text=True
    )
    return time.perf_counter() - begun, json.loads(done.stdout)


def _connection(uri: str) -> Any:
    return psycopg2.connect(uri.replace("+psycopg2", ""))
