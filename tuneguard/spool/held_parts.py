"""Parts of the record that no disk took: in memory, until MLflow has them."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from tuneguard.spool.manifest import Part

HELD_BYTES = 16 * 2**20


@dataclass(frozen=True, eq=False)
class HeldPart:
    """A part in memory.

    Attributes:
        part: Its entry in the manifest, once it is delivered.
        content: The Parquet file.
        steps: How many optimizer steps are in it.
        segment: The file on disk that holds the same values, where there is one.
    """

    part: Part
    content: bytes
    steps: int
    segment: Path | None = None


class HeldParts:
    """A bounded number of parts, oldest first. Safe to use from several threads.

    Attributes:
        dropped: How many values had to give way and are nowhere else.
    """

    def __init__(self) -> None:
        self._parts: deque[HeldPart] = deque()
        self._mutex = threading.Lock()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._parts)

    def add(self, part: HeldPart) -> None:
        """Hold a part once; the oldest give way when all together are too large."""
        with self._mutex:
            if any(one.part.name == part.part.name for one in self._parts):
                return
            self._parts.append(part)
            while sum(one.part.bytes for one in self._parts) > HELD_BYTES:
                self._give_up(self._parts.popleft())

    def first(self) -> HeldPart | None:
        """Return the oldest part."""
        with self._mutex:
            return self._parts[0] if self._parts else None

    def remove(self, part: HeldPart) -> None:
        """Let a part go that is kept elsewhere now, and its segment."""
        with self._mutex:
            if part in self._parts:
                self._parts.remove(part)
            if part.segment is not None:
                part.segment.unlink(missing_ok=True)

    def give_up(self) -> None:
        """Drop all that is held: there is nobody left to take it."""
        with self._mutex:
            while self._parts:
                self._give_up(self._parts.popleft())

    def _give_up(self, part: HeldPart) -> None:
        if part.segment is None:
            self.dropped += part.part.rows
