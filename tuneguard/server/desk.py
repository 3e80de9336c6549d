"""One place at which runs are examined one after the other."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any, Final

from tuneguard.server.examined_marks import ExaminedMarks
from tuneguard.server.examiner_process import (
    ExaminerError,
    ExaminerProcess,
    ExaminerStartingError,
)
from tuneguard.server.failed_diagnoses import FailedDiagnoses
from tuneguard.server.settings import Settings
from tuneguard.server.waiting_runs import WaitingRun, WaitingRuns

_SWEEP_SECONDS: Final = 600.0
_DAY_MILLISECONDS: Final = 86_400_000

_logger = logging.getLogger(__name__)


@dataclass
class Books:
    """What all desks of a server share.

    Attributes:
        waiting: Runs that wait.
        failed: Runs whose diagnosis failed.
        marks: Runs that were examined.
        in_work: Runs that are being examined.
    """

    waiting: WaitingRuns
    failed: FailedDiagnoses
    marks: ExaminedMarks
    in_work: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> WaitingRun | None:
        """Return the run that has waited longest, and is not being examined."""
        with self._lock:
            run = self.waiting.oldest(without=self.in_work)
            if run is not None:
                self.in_work.add(run.run_id)
            return run

    def put_back(self, run: WaitingRun, *, is_done: bool) -> None:
        """Let a run that was taken wait no longer, or wait for the next who takes it."""
        if is_done:
            self.waiting.done(run)
        with self._lock:
            self.in_work.discard(run.run_id)


class Desk:
    """Hands what waits to an examiner, and notes what became of it.

    Args:
        settings: How the server behaves.
        places: What an examiner needs to know of the server.
        lock: The lock of the server's folder, which the examiner holds too.
        books: What all desks share.
    """

    def __init__(
        self,
        settings: Settings,
        places: Mapping[str, str | None],
        lock: IO[bytes],
        books: Books,
    ) -> None:
        self._settings = settings
        self._examiner = ExaminerProcess(places, lock)
        self._books = books
        self._is_left = False

    def examine_next(self) -> bool:
        """Examine the run that has waited longest, and return whether there was one."""
        run = self._books.take()
        if run is None:
            return False
        is_done = False
        try:
            is_done = self._examine(run.run_id)
        finally:
            self._books.put_back(run, is_done=is_done)
        return True

    def sweep(self) -> float:
        """Let the runs wait that ended lately, and have changed or were never examined.

        Returns:
            Seconds of the processor's time that it took.
        """
        days = self._settings.sweep_days
        since = int(time.time() * 1000 - days * _DAY_MILLISECONDS)
        answer = self._ask({"do": "sweep", "since": since}, _SWEEP_SECONDS)
        if "problem" in answer:
            if not self._is_left:
                _logger.warning("The sweep for ended runs failed: %s", answer["problem"])
            return 0.0
        for run_id, mark, is_reviewed in answer["runs"]:
            known = self._books.marks.of(run_id)
            if known is None and is_reviewed:
                # by a person's command, perhaps with settings of its own: let it stand
                self._books.marks.keep(run_id, mark)
            elif known != mark and not self._is_pausing(run_id):
                self._books.waiting.put(run_id)
        self._books.marks.forget_others({run_id for run_id, _, _ in answer["runs"]})
        self._books.marks.save()
        return float(answer["seconds"])

    def leave(self) -> None:
        """End the examiner, whatever it is doing; the desk is not used again."""
        self._is_left = True
        self._examiner.close(at_once=True)

    def _examine(self, run_id: str) -> bool:
        """Have a run examined, and return whether there is an outcome, be it a failure."""
        mark, traces = self._books.marks.of(run_id), self._settings.traces
        request = {"do": "examine", "run_id": run_id, "mark": mark, "traces": traces}
        try:
            answer = self._ask(request, self._settings.timeout)
        except ExaminerStartingError:
            return False
        if self._is_left:
            return False
        if "problem" not in answer:
            self._books.failed.clear(run_id)
            if answer["mark"]:
                self._books.marks.keep(run_id, answer["mark"])
        elif self._books.failed.note(run_id, answer["problem"]):
            _logger.warning("Run %s was not diagnosed: %s", run_id, answer["problem"])
        return True

    def _ask(self, request: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        if self._is_left:
            return {"problem": "the server stops"}
        try:
            return self._examiner.ask(request, timeout)
        except ExaminerStartingError:
            raise
        except ExaminerError as error:
            return {"problem": str(error)}

    def _is_pausing(self, run_id: str) -> bool:
        failed = self._books.failed.of(run_id)
        return failed is not None and time.time() < failed.retry_at
