"""The runs that wait for their diagnosis: a bounded queue that all workers of a server share.

A folder holds one empty file a run. So a run waits once however many workers saw it end, what
waits outlives the server, and no worker needs a connection to another.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Container
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

SETTLING_SECONDS: Final = 2.0
"""A client often logs its last metrics right after it ended the run."""

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,255}")


def is_run_id(text: str) -> bool:
    """Whether `text` can be the id of a run; it is safe as the name of a file.

    >>> is_run_id("3f2a9c51d0b84e6f"), is_run_id("../../etc/passwd")
    (True, False)
    """
    return _RUN_ID.fullmatch(text) is not None


class WaitingRun(NamedTuple):
    """A run that waits, and since when, in nanoseconds since the epoch."""

    run_id: str
    since: int


class WaitingRuns:
    """A queue of run ids.

    Args:
        folder: Where it is kept; created where it is not there.
        limit: How many runs may wait.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, run_id: str) -> bool:
        """Let a run wait, from now on, and return whether there is place for it."""
        path = self._folder / run_id
        if not is_run_id(run_id) or (not path.exists() and len(self) >= self._limit):
            return False
        path.touch()
        return True

    def oldest(
        self, without: Container[str] = (), settling: float = SETTLING_SECONDS
    ) -> WaitingRun | None:
        """Return the run that has waited longest; `None` where none has long enough.

        It goes on waiting until it is done: the next server takes up what this one cannot end.

        Args:
            without: Runs to leave out.
            settling: Seconds that a run waits at least.
        """
        latest = time.time_ns() - int(settling * 1e9)
        due = [one for one in self._all() if one.since <= latest and one.run_id not in without]
        return min(due, key=lambda one: one.since, default=None)

    def done(self, run: WaitingRun) -> None:
        """Let a run wait no longer, unless it was put here again since it was returned."""
        path = self._folder / run.run_id
        with suppress(FileNotFoundError):
            if path.stat().st_mtime_ns == run.since:
                path.unlink()

    def __contains__(self, run_id: object) -> bool:
        return isinstance(run_id, str) and is_run_id(run_id) and (self._folder / run_id).exists()

    def __len__(self) -> int:
        with os.scandir(self._folder) as entries:
            return sum(1 for _ in entries)

    def _all(self) -> list[WaitingRun]:
        found = []
        with os.scandir(self._folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    found.append(WaitingRun(entry.name, entry.stat().st_mtime_ns))
        return found
