"""The full record on its way to disk: a segment that grows, cut into parts."""

from __future__ import annotations

import time
from collections import deque
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa

from tuneguard import keys
from tuneguard.spool.columns import Columns
from tuneguard.spool.held_parts import HeldPart
from tuneguard.spool.part_files import encode_part, merge_parts, write_part
from tuneguard.spool.segments import Segment, read_segment
from tuneguard.spool.spool_folder import Spool

PART_BYTES = 8 * 2**20
PART_SECONDS = 600.0
HELD_ROWS = 2**16
COMPACTED_BYTES = 64 * 2**20
_SEGMENT = "segment-{:05d}.arrow"
_PART = "part-{:05d}.parquet"


class RecordWriter:
    """Appends measured values to a spool, and cuts what has grown large or old into a part.

    What the disk does not take is kept in memory and tried again with the next values; when it
    becomes much, it is held as a part that MLflow gets from memory.

    Args:
        spool: Where the record is kept.

    Attributes:
        dropped: How many values were lost because somebody deleted the spool.
    """

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._segment: Segment | None = None
        self._waiting: deque[Columns] = deque()
        self._opened = 0.0
        self._number = 0
        self.dropped = 0

    def append(self, columns: Columns) -> None:
        """Write values to disk; a killed process loses none of them.

        Raises:
            OSError: The disk did not take them: they are in memory.
        """
        self._waiting.append(columns)
        try:
            self._write_waiting()
        except OSError:
            if sum(len(one) for one in self._waiting) >= HELD_ROWS:
                self._hold_waiting()
            raise

    @property
    def is_due(self) -> bool:
        """Whether it is time to cut a part."""
        if self._segment is None:
            return False
        is_old = time.monotonic() - self._opened > PART_SECONDS
        return is_old or self._segment.size > PART_BYTES

    def cut(self) -> None:
        """Turn the segment into a part."""
        segment, self._segment = self._segment, None
        if segment is None:
            return
        # a segment is read back without its end too
        with suppress(OSError):
            segment.close()
        try:
            _turn_into_part(self._spool, segment.path)
        except FileNotFoundError:
            self.dropped += segment.rows

    def finish(self) -> None:
        """Turn everything into parts, on disk or in memory."""
        with suppress(OSError):
            self._write_waiting()
        self.cut()
        recover(self._spool)
        self._hold_waiting()

    def _write_waiting(self) -> None:
        while self._waiting:
            try:
                self._write(self._waiting[0])
            except OSError:
                raise
            except Exception:
                self._waiting.popleft()
                raise
            self._waiting.popleft()

    def _write(self, columns: Columns) -> None:
        if self._segment is None:
            self._segment = self._open()
        try:
            self._segment.append(columns)
        except OSError:
            # what follows a write cut short could not be read back: the next one starts afresh
            torn, self._segment = self._segment, None
            if not torn.rows:
                self._number -= 1
            with suppress(OSError):
                torn.close()
            raise

    def _open(self) -> Segment:
        if self._spool.folder is None:
            raise OSError("there is no spool")
        segment = Segment(self._spool.folder / _SEGMENT.format(self._number + 1))
        self._number += 1
        self._opened = time.monotonic()
        return segment

    def _hold_waiting(self) -> None:
        if self._waiting:
            self._number += 1
            batches = [columns.to_arrow() for columns in self._waiting]
            columns = Columns.from_arrow(pa.Table.from_batches(batches))
            self._waiting.clear()
            _hold(self._spool, columns, _PART.format(self._number))


def recover(spool: Spool) -> None:
    """Turn what a process that was killed left behind into parts, on disk or in memory."""
    for path in spool.segments():
        # what is delivered from memory meanwhile is gone
        with suppress(FileNotFoundError):
            _turn_into_part(spool, path)


def compact(spool: Spool) -> None:
    """Replace several parts by one, where they are all here and small enough together.

    Raises:
        OSError: The disk did not take the result; the parts stay.
    """
    manifest = spool.manifest
    if spool.folder is None or len(manifest.parts) < 2 or manifest.size > COMPACTED_BYTES:
        return
    sources = [spool.folder / part.name for part in manifest.parts]
    if all(source.exists() for source in sources):
        number = max(int(part.name[5:-8]) for part in manifest.parts) + 1
        merged = merge_parts(sources, spool.folder / _PART.format(number))
        spool.change_manifest(parts=(merged,))


def _turn_into_part(spool: Spool, segment: Path) -> None:
    columns = read_segment(segment)
    name = _PART.format(int(segment.stem.removeprefix("segment-")))
    is_known = any(part.name == name for part in spool.manifest.parts)
    if len(columns) and not is_known:
        try:
            part = write_part(columns, segment.with_name(name))
        except OSError:
            _hold(spool, columns, name, segment)
            return
        spool.add_part(part, _steps_in(columns))
    segment.unlink()


def _hold(spool: Spool, columns: Columns, name: str, segment: Path | None = None) -> None:
    part, content = encode_part(columns, name)
    spool.held.add(HeldPart(part, content, _steps_in(columns), segment))


def _steps_in(columns: Columns) -> int:
    if keys.TRAIN_LOSS not in columns.keys:
        return 0
    return int(np.count_nonzero(columns.codes == columns.keys.index(keys.TRAIN_LOSS)))
