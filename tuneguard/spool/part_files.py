"""Parts of the record as Parquet files: small, and quick to read back by key."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

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
    table = pa.Table.from_batches([columns.grouped().to_arrow()])
    return _write([table], path)


def merge_parts(sources: Sequence[Path], path: Path) -> Part:
    """Write several parts as one, a row group each: one part at a time is in memory.

    Raises:
        OSError: A source cannot be read, or the disk did not take the result.
    """
    return _write((pq.read_table(source, schema=SCHEMA) for source in sources), path)


def _write(tables: Iterable[pa.Table], path: Path) -> Part:
    unfinished = path.with_suffix(".unfinished")
    rows = 0
    with pq.ParquetWriter(
        unfinished,
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
    content = unfinished.read_bytes()
    unfinished.replace(path)
    return Part(path.name, rows, len(content), hashlib.sha256(content).hexdigest())
