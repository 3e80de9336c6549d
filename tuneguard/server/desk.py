"""One place at which runs are examined one after the other."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any, Final

from tuneguard.server.examined_marks import ExaminedMarks
from tuneguard.server.examiner_process import ExaminerError, ExaminerProcess
from tuneguard.server.failed_diagnoses import FailedDiagnoses
from tuneguard.server.settings import Settings
from tuneguard.server.waiting_runs import WaitingRuns

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

    def take(self) -> str | None:
        """Return the run that has waited longest, unless another desk examines it right now."""
        with self._lock:
            run_id = self.waiting.take()
            if run_id is None:
                return None
            if run_id in self.in_work:
                self.waiting.put(run_id)
                return None
            self.in_work.add(run_id)
            return run_id


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
        run_id = self._books.take()
        if run_id is None:
            return False
        try:
            self._examine(run_id)
        finally:
            self._books.in_work.discard(run_id)
        return True

    def sweep(self) -> None:
        """Let the runs wait that ended lately, and have changed or were never examined."""
        days = self._settings.sweep_days
        since = int(time.time() * 1000 - days * _DAY_MILLISECONDS)
        answer = self._ask({"do": "sweep", "since": since}, _SWEEP_SECONDS)
        if "problem" in answer:
            if not self._is_left:
                _logger.warning("The sweep for ended runs failed: %s", answer["problem"])
            return
        for run_id, mark, is_reviewed in answer["runs"]:
            known = self._books.marks.of(run_id)
            if known is None and is_reviewed:
                # by a person's command, perhaps with settings of its own: let it stand
                self._books.marks.keep(run_id, mark)
            elif known != mark and not self._is_pausing(run_id):
                self._books.waiting.put(run_id)
        self._books.marks.forget_others({run_id for run_id, _, _ in answer["runs"]})
        self._books.marks.save()

    def leave(self) -> None:
        """End the examiner, whatever it is doing; the desk is not used again."""
        self._is_left = True
        self._examiner.close(at_once=True)

    def _examine(self, run_id: str) -> None:
        request = {"do": "examine", "run_id": run_id, "mark": self._books.marks.of(run_id)}
        answer = self._ask(request, self._settings.timeout)
        if "problem" not in answer:
            self._books.failed.clear(run_id)
            if answer["mark"]:
                self._books.marks.keep(run_id, answer["mark"])
        elif self._is_left:
            self._books.waiting.put(run_id)
        elif self._books.failed.note(run_id, answer["problem"]):
            _logger.warning("Run %s was not diagnosed: %s", run_id, answer["problem"])

    def _ask(self, request: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        if self._is_left:
            return {"problem": "the server stops"}
        try:
            return self._examiner.ask(request, timeout)
        except ExaminerError as error:
            return {"problem": str(error)}

    def _is_pausing(self, run_id: str) -> bool:
        failed = self._books.failed.of(run_id)
        return failed is not None and time.time() < failed.retry_at
