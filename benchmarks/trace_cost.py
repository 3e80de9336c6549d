"""Measure what the traces of a review cost, by the number of findings.

    python benchmarks/trace_cost.py
    python benchmarks/trace_cost.py --tracking-uri http://localhost:5000

Without a store it makes one of SQLite in a temporary folder. With one, it leaves behind an
experiment of its own.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from mlflow import MlflowClient

from tuneguard.findings import Line, Picture, View
from tuneguard.reports.svg import draw
from tuneguard.storage.finding_traces import replace_traces
from tuneguard.storage.trace_layout import FindingTrace

REPEATS = 9
EXPERIMENT = "tuneguard trace cost"


def traces(count: int, picture: str) -> list[FindingTrace]:
    text = "A sentence of evidence. " * 12
    return [
        FindingTrace(f"rule-{one}", "warning", (1, 9), text, "Fix", text, text, (text,), picture)
        for one in range(count)
    ]


def evidence() -> str:
    steps = tuple(range(400))
    lines = tuple(Line(key, steps, tuple(1 / (1 + s) for s in steps)) for key in ("a", "b"))
    return draw(Picture(View(("a", "b"), span=(100, 200)), lines))


def cost(client: MlflowClient, run_id: str, wanted: list[FindingTrace]) -> tuple[float, float]:
    """Return the wall-clock time and the processor time of this process, in milliseconds."""
    run = client.get_run(run_id)
    start, start_busy = time.perf_counter(), time.process_time()
    replace_traces(client, run, wanted)
    return 1000 * (time.perf_counter() - start), 1000 * (time.process_time() - start_busy)


def median_cost(costs: list[tuple[float, float]]) -> str:
    wall, busy = (statistics.median(column) for column in zip(*costs, strict=True))
    return f"{wall:4.0f} ms ({busy:.0f} ms of this process)"


def measure(client: MlflowClient) -> None:
    found = client.get_experiment_by_name(EXPERIMENT)
    experiment = found.experiment_id if found else client.create_experiment(EXPERIMENT)
    picture = evidence()
    print(f"{client.tracking_uri}, pictures of {len(picture):,} bytes, median of {REPEATS}")
    for count in (0, 1, 3, 5):
        first, again = [], []
        for _ in range(REPEATS):
            run_id = client.create_run(experiment).info.run_id
            wanted = traces(count, picture)
            first.append(cost(client, run_id, wanted))
            again.append(cost(client, run_id, wanted))
        print(f"{count} findings: {median_cost(first)}, again unchanged {median_cost(again)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tracking-uri")
    uri = parser.parse_args().tracking_uri
    with tempfile.TemporaryDirectory() as folder:
        client = MlflowClient(uri or f"sqlite:///{Path(folder) / 'mlflow.db'}")
        if uri is None:
            client.create_experiment(EXPERIMENT, artifact_location=folder)
        measure(client)


if __name__ == "__main__":
    main()
