"""Runs whose diagnosis failed on the server: why, for the page, and when to try again."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from tuneguard.reports.untrusted import clipped, terminal_safe
from tuneguard.server.waiting_runs import is_run_id

MAX_NOTES: Final = 1000
_MAX_REASON: Final = 500
_FIRST_PAUSE: Final = 300.0
_LONGEST_PAUSE: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class FailedDiagnosis:
    """What is known of a diagnosis that failed.

    Attributes:
        reason: One line for a person.
        at: When it failed, in seconds since the epoch.
        attempts: How often it has failed in a row.
    """

    reason: str
    at: float
    attempts: int

    @property
    def retry_at(self) -> float:
        """When a sweep may try again: after 5 minutes, then four times as long, at most a day."""
        return self.at + min(_FIRST_PAUSE * 4.0 ** (self.attempts - 1), _LONGEST_PAUSE)


class FailedDiagnoses:
    """Notes of failures, one file a run, so that every worker can show them.

    Args:
        folder: Where they are kept; created where it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def note(self, run_id: str, reason: str) -> bool:
        """Keep a failure, and return whether its reason is news."""
        before = self.of(run_id)
        reason = clipped(terminal_safe(reason), _MAX_REASON)
        failed = FailedDiagnosis(reason, time.time(), before.attempts + 1 if before else 1)
        path = self._folder / run_id
        draft = path.with_name(f".{run_id}")
        draft.write_text(json.dumps(asdict(failed)), encoding="utf-8")
        draft.replace(path)
        self._forget_the_oldest()
        return before is None or before.reason != reason

    def clear(self, run_id: str) -> None:
        """Forget the failure of a run whose diagnosis succeeded."""
        (self._folder / run_id).unlink(missing_ok=True)

    def of(self, run_id: str) -> FailedDiagnosis | None:
        """Return the failure of a run, or `None`."""
        if not is_run_id(run_id):
            return None
        try:
            return FailedDiagnosis(**json.loads((self._folder / run_id).read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def _forget_the_oldest(self) -> None:
        notes = sorted(self._folder.iterdir(), key=lambda path: path.stat().st_mtime)
        for path in notes[:-MAX_NOTES]:
            path.unlink(missing_ok=True)
