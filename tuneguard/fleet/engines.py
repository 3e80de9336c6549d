"""Who examines the runs: this process, a few others on this machine, or a Ray cluster."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Sequence
from typing import Literal

from tuneguard.fleet.examiner import Assignment, Examiner
from tuneguard.fleet.processes import Workers
from tuneguard.scanned_run import ScannedRun
from tuneguard.storage.connection import connect

Engine = Literal["processes", "ray"]

_MAX_WORKERS = 4
_IN_A_ROW = 5


def usual_workers() -> int:
    """Return how many processes to use where nobody says: one a core, and four at most.

    A tracking server has few workers too, and more readers would only wait for it.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(cores or 1, _MAX_WORKERS)


def examine_all(
    assignment: Assignment, run_ids: Sequence[str], engine: Engine, workers: int
) -> Generator[ScannedRun]:
    """Yield each run as soon as it is examined, in no order.

    Closed early, it waits for the runs that are being examined.

    Args:
        assignment: What to do with each run.
        run_ids: The runs.
        engine: Who does it.
        workers: How many processes on this machine; with 1 it is this one.

    Raises:
        StoreUnreachableError: The store has stopped to answer.
        EngineError: Ray is not installed, or no cluster answers.
    """
    failures = 0
    for run in _examined(assignment, run_ids, engine, min(workers, len(run_ids))):
        yield run
        failures = failures + 1 if run.outcome == "unreadable" else 0
        if failures and failures % _IN_A_ROW == 0:
            connect(assignment.tracking_uri)  # raises where it is the store, and not the runs


def _examined(
    assignment: Assignment, run_ids: Sequence[str], engine: Engine, workers: int
) -> Iterator[ScannedRun]:
    if not run_ids:
        return
    if engine == "ray":
        from tuneguard.fleet.ray_cluster import examine_on_cluster  # noqa: PLC0415 - an extra

        yield from examine_on_cluster(assignment, run_ids)
    elif workers == 1:
        yield from map(Examiner(assignment).examine, run_ids)
    else:
        with Workers(assignment, workers) as processes:
            yield from processes.examine_all(run_ids)
