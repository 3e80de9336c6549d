"""What each run looked like when it was last examined, so that a sweep sees what has changed."""

from __future__ import annotations

import json
from collections.abc import Container
from pathlib import Path


class ExaminedMarks:
    """Marks of runs by id, kept in a file for the next start of the server.

    Args:
        path: The file. What cannot be read is an empty one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._marks: dict[str, str] = {}
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return
        if isinstance(content, dict):
            self._marks = {str(run_id): str(mark) for run_id, mark in content.items()}

    def of(self, run_id: str) -> str | None:
        """Return the mark of a run, or `None` where it has not been examined."""
        return self._marks.get(run_id)

    def keep(self, run_id: str, mark: str) -> None:
        """Note that a run of this mark has been examined."""
        self._marks[run_id] = mark

    def forget_others(self, run_ids: Container[str]) -> None:
        """Forget all runs but these."""
        self._marks = {one: mark for one, mark in self._marks.items() if one in run_ids}

    def save(self) -> None:
        """Write the file anew, at once or not at all."""
        draft = self._path.with_suffix(".draft")
        draft.write_text(json.dumps(self._marks), encoding="utf-8")
        draft.replace(self._path)
