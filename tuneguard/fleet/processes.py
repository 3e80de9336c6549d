"""Processes that examine runs side by side, not under one interpreter's lock."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing.connection import wait as wait_for_end

from tuneguard.fleet.examiner import Assignment, Examiner
from tuneguard.scanned_run import ScannedRun

_ENDED = (
    "The process that read it was ended from outside, as a machine does that runs out of memory. "
    "Scan with fewer --workers, or diagnose this run alone: tuneguard diagnose {run_id}."
)

_examiner: Examiner | None = None


class Workers:
    """A few processes that diagnose runs; they end with the process that started them.

    Use it as a context manager. Leaving it waits for the runs that are being examined and drops
    those that wait for their turn.

    Args:
        assignment: What to do with each run.
        count: How many processes.
    """

    def __init__(self, assignment: Assignment, count: int) -> None:
        self._assignment = assignment
        self._count = count
        self._lock = threading.Lock()
        self._executor = self._started()

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Wait for the runs that are being examined, and end the processes."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def submit(self, run_id: str) -> Future[ScannedRun]:
        """Have one run examined; processes that were ended from outside are started anew.

        Returns:
            Its result. It raises `BrokenProcessPool` where the process was ended from outside.
        """
        with self._lock, _uninterrupted():
            try:
                return self._executor.submit(_examine, run_id)
            except BrokenProcessPool:
                self._executor = self._started()
                return self._executor.submit(_examine, run_id)

    def examine_all(self, run_ids: Iterable[str]) -> Iterator[ScannedRun]:
        """Yield each run as soon as it is examined, in no order.

        A run that costs a process its life is reported; the others that were being examined at
        that time are examined again, one at a time.
        """
        waiting, pending = iter(run_ids), dict[Future[ScannedRun], str]()
        suspects: deque[str] = deque()
        while True:
            room = 2 * self._count - len(pending)
            pending |= {self.submit(run_id): run_id for run_id in islice(waiting, room)}
            if not pending:
                break
            done, _ = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                run_id = pending.pop(future)
                try:
                    yield future.result()
                except BrokenProcessPool:
                    suspects.append(run_id)
        yield from map(self._examine_alone, suspects)

    def _examine_alone(self, run_id: str) -> ScannedRun:
        try:
            return self.submit(run_id).result()
        except BrokenProcessPool:
            return ScannedRun(run_id, reason=_ENDED.format(run_id=run_id))

    def _started(self) -> ProcessPoolExecutor:
        # spawned, for a fork would copy locks that other threads hold
        return ProcessPoolExecutor(
            self._count,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_begin,
            initargs=(self._assignment,),
        )


def _begin(assignment: Assignment) -> None:
    """Get a new process ready: it leaves Ctrl-C to its parent, and ends where that is killed."""
    global _examiner  # noqa: PLW0603 - what a process is for, for its whole life
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _examiner = Examiner(assignment)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for_end([parent.sentinel])
        os._exit(1)


def _examine(run_id: str) -> ScannedRun:
    assert _examiner is not None  # noqa: S101 - set by the initializer of the process
    return _examiner.examine(run_id)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach, not even before `_begin`."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
