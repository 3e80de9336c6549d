"""The runs that wait for their diagnosis: a bounded queue that all workers of a server share.

A folder holds one empty file a run. So a run waits once however many workers saw it end, what
waits outlives the server, and no worker needs a connection to another.
"""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

SETTLING_SECONDS: Final = 2.0
"""A client often logs its last metrics right after it ended the run."""

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,255}")


def is_run_id(text: str) -> bool:
    """Whether `text` can be the id of a run; it is safe as the name of a file.

    >>> is_run_id("3f2a9c51d0b84e6f"), is_run_id("../../etc/passwd")
    (True, False)
    """
    return _RUN_ID.fullmatch(text) is not None


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
        """Let a run wait, and return whether there is place; one that waits keeps its place."""
        path = self._folder / run_id
        if not is_run_id(run_id) or (not path.exists() and len(self) >= self._limit):
            return False
        with suppress(FileExistsError):
            path.touch(exist_ok=False)
        return True

    def take(self, settling: float = SETTLING_SECONDS) -> str | None:
        """Remove and return the run that has waited longest; `None` where none has long enough.

        Args:
            settling: Seconds that a run waits at least.
        """
        for waiting_since, run_id in sorted(self._entries()):
            if waiting_since > time.time() - settling:
                return None
            try:
                (self._folder / run_id).unlink()
            except FileNotFoundError:
                continue
            return run_id
        return None

    def __contains__(self, run_id: object) -> bool:
        return isinstance(run_id, str) and is_run_id(run_id) and (self._folder / run_id).exists()

    def __len__(self) -> int:
        with os.scandir(self._folder) as entries:
            return sum(1 for _ in entries)

    def _entries(self) -> list[tuple[float, str]]:
        found = []
        with os.scandir(self._folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    found.append((entry.stat().st_mtime, entry.name))
        return found
