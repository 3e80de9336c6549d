"""The part of the record that is being written: an Arrow stream, readable however it ends."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from tuneguard.spool.columns import SCHEMA, Columns


class Segment:
    """An append-only file of measured values.

    Args:
        path: The file, whose content is lost.

    Attributes:
        rows: How many values were written.

    Raises:
        OSError: The disk did not take it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0
        self._codes: dict[str, int] = {}
        self._file = pa.OSFile(str(path), "wb")
        options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
        try:
            self._stream = pa.ipc.new_stream(self._file, SCHEMA, options=options)
        except OSError:
            self._file.close()
            raise

    def append(self, columns: Columns) -> None:
        """Write values through to the operating system.

        Raises:
            OSError: The disk did not take them.
        """
        codes = [self._codes.setdefault(key, len(self._codes)) for key in columns.keys]
        own = Columns(
            tuple(self._codes),
            np.array(codes, dtype=np.int32)[columns.codes],
            columns.steps,
            columns.timestamps,
            columns.values,
        )
        self._stream.write_batch(own.to_arrow())
        self.rows += len(own)

    @property
    def size(self) -> int:
        """Bytes written."""
        return int(self._file.tell())

    def close(self) -> None:
        """End the stream.

        Raises:
            OSError: The disk did not take the end.
        """
        try:
            self._stream.close()
        finally:
            self._file.close()


def read_segment(path: Path) -> Columns:
    """Return what a segment holds, up to where it was cut off.

    Raises:
        OSError: The file cannot be read.
    """
    batches: list[pa.RecordBatch] = []
    with pa.OSFile(str(path), "rb") as file:
        try:
            with pa.ipc.open_stream(file) as stream:
                batches.extend(stream)
        except (pa.ArrowInvalid, OSError):
            # the process was killed in the middle of a write: what came before it is whole
            pass
    return Columns.from_arrow(pa.Table.from_batches(batches, schema=SCHEMA))
