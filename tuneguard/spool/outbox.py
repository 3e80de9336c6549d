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

_IN_MEMORY = 20_000


class Outbox:
    """Points in the order in which they came; what was delivered is never given out again.

    Where the disk does not take them, a bounded number is kept in memory. What cannot be read back
    is passed over, and counted in `dropped`.

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
        """Whether everything that came has been delivered."""
        with self._mutex:
            size = self._points.stat().st_size if self._points and self._points.exists() else 0
            return self._offset >= size and not self._in_memory

    def append(self, points: Iterable[ChartPoint]) -> None:
        """Keep points until they are delivered. Never raises for a disk that is full."""
        with self._mutex:
            points = list(points)
            try:
                self._append_to_disk(points)
            except OSError:
                self._in_memory.extend(points)
                while len(self._in_memory) > _IN_MEMORY:
                    self._in_memory.popleft()
                    self.dropped += 1

    def peek(self, limit: int) -> list[ChartPoint]:
        """Return the next points, at most `limit`, without forgetting them."""
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

    def _append_to_disk(self, points: list[ChartPoint]) -> None:
        if self._points is None:
            raise OSError("there is no spool")
        lines = "".join(json.dumps(point) + "\n" for point in points)
        size = self._points.stat().st_size if self._points.exists() else 0
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
        if self._points is None or not self._points.exists():
            return [], 0, 0
        points: list[ChartPoint] = []
        size = broken = 0
        with self._points.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if len(points) == limit or not line.endswith(b"\n"):
                    break
                size += len(line)
                try:
                    points.append(ChartPoint(*json.loads(line)))
                except (TypeError, ValueError):
                    broken += 1
        return points, size, broken

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
