"""How long it takes to read a run of a million steps: with its record, and without one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from mlflow import MlflowClient

from benchmarks.cost.results import load_average
from benchmarks.scale.runs import FIRST_BAD, LEAP, add_foreign_run, add_recorded_run
from tests.real.harness.mlflow_server import QUIET, mlflow_server
from tuneguard.history import Series
from tuneguard.storage.reader import load_run

ROUNDS = 7
_BASELINE = """\
import sys
from pathlib import Path
import mlflow, scipy
import pyarrow.parquet
for part in sorted(Path(sys.argv[1]).rglob("*.parquet")):
    pyarrow.parquet.read_table(part)
"""

Row = dict[str, Any]


def measure() -> list[Row]:
    """Return one row for the run with a record, and one for the run without."""
    os.environ.update(QUIET)
    with tempfile.TemporaryDirectory(prefix="tuneguard-scale-") as scratch:
        folder = Path(scratch)
        database = folder / "mlflow.db"
        client = MlflowClient(f"sqlite:///{database}")
        artifacts = folder / "artifacts"
        experiment = client.create_experiment("long", artifact_location=artifacts.as_uri())
        recorded = _measure_recorded(client, add_recorded_run(client, experiment), artifacts)
        foreign = add_foreign_run(client, experiment, database)
        with mlflow_server(folder, f"sqlite:///{database}") as uri:
            return [recorded, _measure_foreign(uri, foreign)]


def _measure_recorded(client: MlflowClient, run_id: str, artifacts: Path) -> Row:
    """Time cold starts: each in a process of its own, turn and turn about."""
    diagnose = ["-m", "tuneguard", "diagnose", run_id, "--no-write", "--fail-on", "never"]
    diagnose += ["--tracking-uri", client.tracking_uri]
    baseline = ["-c", _BASELINE, str(artifacts)]
    rounds = [(_cold(baseline), _cold(diagnose)) for _ in range(ROUNDS)]
    return {
        "part": "recorded",
        "baseline": _middle([one for one, _ in rounds]),
        "diagnose": _middle([other for _, other in rounds]),
        "ratios": [other["cpu"] / one["cpu"] for one, other in rounds],
        "wall_ratios": [other["wall"] / one["wall"] for one, other in rounds],
        "bytes": sum(path.stat().st_size for path in artifacts.rglob("*.parquet")),
        "load": load_average(),
    }


def _cold(arguments: Sequence[str]) -> Mapping[str, float]:
    begun, before = time.perf_counter(), os.times()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    wall, after = time.perf_counter() - begun, os.times()
    user = after.children_user - before.children_user
    system = after.children_system - before.children_system
    return {"wall": wall, "cpu": user + system}


def _middle(times: Sequence[Mapping[str, float]]) -> Row:
    return {kind: median(one[kind] for one in times) for kind in ("wall", "cpu")}


def _measure_foreign(uri: str, run_id: str) -> Row:
    client = MlflowClient(uri)
    load_run(run_id, uri)  # the server's first answers are slow
    read = [_timed(lambda: load_run(run_id, uri)) for _ in range(3)]
    paged, points = _timed(lambda: client.get_metric_history(run_id, "loss"))
    series = read[0][1].series["loss"]
    return {
        "part": "foreign",
        "paged": paged,
        "read": median(seconds for seconds, _ in read),
        "points": len(points),
        "read_points": len(series),
        "is_first_bad_step_exact": _is_edge(series, FIRST_BAD),
        "is_leap_exact": _is_edge(series, LEAP),
        "load": load_average(),
    }


def _is_edge(series: Series, step: int) -> bool:
    """Whether both points at which something changed are there."""
    return bool(np.isin([step - 1, step], series.steps).all())


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.perf_counter()
    result = work()
    return time.perf_counter() - begun, result
