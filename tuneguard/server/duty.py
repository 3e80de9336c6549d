"""Sees to it that ended runs are diagnosed: one worker of a server is on duty at a time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from typing import IO, Final

from tuneguard.server.desk import Books, Desk
from tuneguard.server.examined_marks import ExaminedMarks
from tuneguard.server.failed_diagnoses import FailedDiagnoses
from tuneguard.server.settings import Settings
from tuneguard.server.waiting_runs import WaitingRuns
from tuneguard.spool.folder_lock import lock_folder, unlock

_LOOK_SECONDS: Final = 1.0
_AFTER_A_BREAKDOWN: Final = 60.0
_REST: Final = 10.0
"""How long a sweep rests, by what it took: among ten thousands of runs that is a while."""

_logger = logging.getLogger(__name__)


class Duty:
    """Diagnoses what waits, and sweeps for what was missed, in processes of its own.

    Every worker of a server has one. The one that holds the lock of the folder works; the lock
    falls to another when its worker and the examiners are gone.

    Args:
        settings: How the server behaves.
        places: What an examiner needs to know of the server.
    """

    def __init__(self, settings: Settings, places: Mapping[str, str | None]) -> None:
        self.waiting = WaitingRuns(settings.folder / "waiting", settings.queue)
        self.failed = FailedDiagnoses(settings.folder / "failed")
        self._settings = settings
        self._places = places
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="tuneguard-duty", daemon=True)
        self._desks: list[Desk] = []

    def start(self) -> None:
        """Begin to wait for the lock, and to work with it; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Give up what is being done: whoever is on duty next does it."""
        self._stopping.set()
        for desk in self._desks:
            desk.leave()
        self._thread.join()

    def _serve(self) -> None:
        lock = None
        while lock is None and not self._stopping.wait(_LOOK_SECONDS):
            lock = lock_folder(self._settings.folder)
        if lock is None:
            return
        try:
            self._work(lock)
        finally:
            unlock(lock)

    def _work(self, lock: IO[bytes]) -> None:
        marks = ExaminedMarks(self._settings.folder / "marks.json")
        books = Books(self.waiting, self.failed, marks)
        self._desks = [
            Desk(self._settings, self._places, lock, books)
            for _ in range(self._settings.concurrency)
        ]
        threads = [
            threading.Thread(target=self._sit, args=(desk, desk is self._desks[0]), daemon=True)
            for desk in self._desks
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        marks.save()

    def _sit(self, desk: Desk, sweeps: bool) -> None:
        """Work at a desk until the server stops; one of them sweeps when nothing waits."""
        next_sweep = time.monotonic() if sweeps and self._settings.sweep else float("inf")
        while not self._stopping.is_set():
            try:
                if desk.examine_next():
                    continue
                if time.monotonic() >= next_sweep:
                    rest = max(self._settings.sweep, _REST * desk.sweep())
                    next_sweep = time.monotonic() + rest
                self._stopping.wait(_LOOK_SECONDS)
            except Exception:  # such as a full disk: MLflow goes on, and so does this, later
                _logger.exception("Ended runs are not diagnosed at the moment")
                self._stopping.wait(_AFTER_A_BREAKDOWN)
        desk.leave()
