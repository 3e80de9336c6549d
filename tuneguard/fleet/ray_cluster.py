"""Runs examined on the machines of a Ray cluster, through Ray's own tasks."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from tuneguard.exceptions import EngineError
from tuneguard.fleet.examiner import Assignment, Examiner
from tuneguard.scanned_run import ScannedRun

_TASKS_PER_CORE = 2
_TIMEOUT_SECONDS = 5.0

_examiner: Examiner | None = None


def examine_on_cluster(assignment: Assignment, run_ids: Sequence[str]) -> Iterator[ScannedRun]:
    """Yield each run as soon as some machine of the cluster has examined it, in no order.

    The cluster is the one that this process is connected to, or else the one of `RAY_ADDRESS`, or
    else the one that runs on this machine. None is started.

    Args:
        assignment: What to do with each run. The store must be in reach of every machine.
        run_ids: The runs.

    Raises:
        EngineError: Ray is not installed, or no cluster answers.
    """
    ray = _ray()
    is_ours = not ray.is_initialized()
    if is_ours:
        _connect(ray)
    try:
        yield from _examined(ray, ray.put(assignment), run_ids)
    finally:
        if is_ours:
            ray.shutdown()


def _examined(ray: Any, assignment: Any, run_ids: Sequence[str]) -> Iterator[ScannedRun]:
    # no run is to blame for a machine that went away: Ray gives it to another one
    examine = ray.remote(max_retries=2)(_examine)
    room = max(1, int(_TASKS_PER_CORE * ray.cluster_resources().get("CPU", 1)))
    waiting = iter(run_ids)
    pending = {examine.remote(assignment, run_id): run_id for run_id in islice(waiting, room)}
    while pending:
        done, _ = ray.wait(list(pending))
        for task in done:
            run_id = pending.pop(task)
            yield _result(ray, task, run_id)
            pending |= {examine.remote(assignment, one): one for one in islice(waiting, 1)}


def _examine(assignment: Assignment, run_id: str) -> ScannedRun:
    global _examiner  # noqa: PLW0603 - a process of the cluster keeps its connection
    if _examiner is None or _examiner.assignment != assignment:
        _examiner = Examiner(assignment)
    return _examiner.examine(run_id)


def _result(ray: Any, task: Any, run_id: str) -> ScannedRun:
    try:
        result: ScannedRun = ray.get(task)
    except ray.exceptions.RayError as error:
        reason = str(error).strip().rpartition("\n")[2] or type(error).__name__
        return ScannedRun(run_id, reason=f"Ray could not examine it: {reason}")
    return result


def _ray() -> Any:
    try:
        import ray  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise EngineError(
            "--engine ray needs Ray, of the version of the cluster: pip install 'tuneguard[ray]'."
        ) from error
    return ray


def _connect(ray: Any) -> None:
    try:
        _check_address(os.environ.get("RAY_ADDRESS", ""))
        ray.init(address="auto", log_to_driver=False, logging_level="ERROR")
    except (OSError, RuntimeError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise EngineError(
            f"No Ray cluster answers ({reason}). Start one with `ray start --head`, or name one "
            "with RAY_ADDRESS."
        ) from error


def _check_address(address: str) -> None:
    """Ask once and briefly: Ray itself would try for minutes."""
    host, separator, port = address.rpartition("://")[2].rpartition(":")
    if separator and port.isdigit():
        socket.create_connection((host, int(port)), timeout=_TIMEOUT_SECONDS).close()
