"""Chart points that wait for the server, on disk so that they outlive the process."""

from __future__ import annotations

import json
import os
import threading
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from tuneguard.spool.charts import ChartPoint

LINE_POINTS = 250
_IN_MEMORY = 20_000


class Outbox:
    """Points in the order in which they came; what was delivered is never given out again.

    A line on disk is a list of points: encoding them together costs half as much. Where the disk
    does not take them, a bounded number is kept in memory. What cannot be read back is passed
    over, and counted in `dropped`.

    Args:
        folder: Where the points are kept, or `None` for memory only.
    """

    def __init__(self, folder: Path | None) -> None:
        self._points = folder / "outbox.jsonl" if folder else None
        self._state = folder / "outbox.delivered" if folder else None
        self._in_memory: deque[ChartPoint] = deque()
        self._mutex = threading.Lock()
        self._offset = self._read_offset()
        self._given = (0, 0, 0)
        self.dropped = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        with self._mutex:
            return not self._in_memory and self._size() <= self._offset

    def append(self, points: Iterable[ChartPoint]) -> None:
        """Keep points until they are delivered. Never raises for a disk that is full."""
        points = list(points)
        with self._mutex:
            try:
                self._append_to_disk(points)
            except OSError:
                self._in_memory.extend(points)
                while len(self._in_memory) > _IN_MEMORY:
                    self._in_memory.popleft()
                    self.dropped += 1

    def peek(self, limit: int) -> list[ChartPoint]:
        """Return the next points without forgetting them.

        Args:
            limit: How many at most; never less than a line, which has at most `LINE_POINTS`.
        """
        with self._mutex:
            points, size, broken = self._read(limit)
            kept = [] if points else list(self._in_memory)[:limit]
            self._given = (size, len(kept), broken)
            return points or kept

    def confirm(self) -> None:
        """Note that what was given out last has been delivered."""
        with self._mutex:
            size, count, broken = self._given
            self._given = (0, 0, 0)
            self._offset += size
            self.dropped += broken
            for _ in range(min(count, len(self._in_memory))):
                self._in_memory.popleft()
            self._write_offset()

    def write_down(self) -> int:
        """Move what is in memory to disk, and return how many points it did not take."""
        with self._mutex:
            points = list(self._in_memory)
            with suppress(OSError):
                self._append_to_disk(points)
                self._in_memory.clear()
            return len(self._in_memory)

    def _append_to_disk(self, points: list[ChartPoint]) -> None:
        if not points:
            return
        if self._points is None:
            raise OSError("there is no spool")
        lines = "".join(
            json.dumps(points[start : start + LINE_POINTS]) + "\n"
            for start in range(0, len(points), LINE_POINTS)
        )
        size = self._size()
        try:
            with self._points.open("ab") as file:
                file.write(lines.encode())
        except OSError:
            # nothing is to follow a line that the disk took in part
            with suppress(OSError):
                os.truncate(self._points, size)
            raise

    def _read(self, limit: int) -> tuple[list[ChartPoint], int, int]:
        """The next points on disk, their size in bytes, and how many lines among them are broken.

        A last line that is cut short does not count.
        """
        if self._points is None or self._size() <= self._offset:
            return [], 0, 0
        points: list[ChartPoint] = []
        size = broken = 0
        with self._points.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                found = _decoded(line)
                if points and len(points) + len(found) > limit:
                    break
                points.extend(found)
                size += len(line)
                broken += not found
        return points, size, broken

    def _size(self) -> int:
        try:
            return self._points.stat().st_size if self._points else 0
        except OSError:
            return 0

    def _read_offset(self) -> int:
        try:
            return int(self._state.read_text(encoding="ascii")) if self._state else 0
        except (OSError, ValueError):
            return 0

    def _write_offset(self) -> None:
        if self._state is None:
            return
        try:
            self._state.write_text(str(self._offset), encoding="ascii")
        except OSError:
            # sending a point again does no harm: the store drops what it has already
            return


def _decoded(line: bytes) -> list[ChartPoint]:
    """The points of a line; none where it is broken."""
    try:
        return [ChartPoint(*point) for point in json.loads(line)]
    except (TypeError, ValueError):
        return []
