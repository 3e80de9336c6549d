"""Parts of the record as Parquet files: small, and quick to read back by key."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from tuneguard.spool.columns import KEY, SCHEMA, STEP, TIMESTAMP, VALUE, Columns
from tuneguard.spool.manifest import Part


def write_part(columns: Columns, path: Path) -> Part:
    """Write measured values as one part, ordered by key.

    Args:
        columns: The values, those of one key in the order in which they were written.
        path: The file, which appears whole or not at all.

    Raises:
        OSError: The disk did not take it.
    """
    return _write([_table(columns)], path)


def encode_part(columns: Columns, name: str) -> tuple[Part, bytes]:
    """Return measured values as the content of one part, for where no disk takes it."""
    buffer = io.BytesIO()
    rows = _encode([_table(columns)], buffer)
    content = buffer.getvalue()
    return _part(name, rows, content), content


def merge_parts(sources: Sequence[Path], path: Path) -> Part:
    """Write several parts as one, a row group each: one part at a time is in memory.

    Raises:
        OSError: A source cannot be read, or the disk did not take the result.
    """
    return _write((pq.read_table(source, schema=SCHEMA) for source in sources), path)


def _table(columns: Columns) -> pa.Table:
    return pa.Table.from_batches([columns.grouped().to_arrow()])


def _write(tables: Iterable[pa.Table], path: Path) -> Part:
    unfinished = path.with_suffix(".unfinished")
    try:
        with unfinished.open("wb") as file:
            rows = _encode(tables, file)
        content = unfinished.read_bytes()
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    return _part(path.name, rows, content)


def _encode(tables: Iterable[pa.Table], target: IO[bytes]) -> int:
    """Write tables as Parquet, a row group each, and return the number of rows."""
    rows = 0
    with pq.ParquetWriter(
        target,
        SCHEMA,
        compression="zstd",
        compression_level=6,
        use_dictionary=[KEY],
        column_encoding={
            STEP: "DELTA_BINARY_PACKED",
            TIMESTAMP: "DELTA_BINARY_PACKED",
            VALUE: "BYTE_STREAM_SPLIT",
        },
        write_statistics=False,
    ) as writer:
        for table in tables:
            writer.write_table(table)
            rows += table.num_rows
    return rows


def _part(name: str, rows: int, content: bytes) -> Part:
    return Part(name, rows, len(content), hashlib.sha256(content).hexdigest())
