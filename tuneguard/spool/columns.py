"""Measured values in the long layout: one row a value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

KEY = "key"
STEP = "step"
TIMESTAMP = "timestamp"
VALUE = "value"

SCHEMA = pa.schema(
    [
        (KEY, pa.dictionary(pa.int32(), pa.string())),
        (STEP, pa.int64()),
        (TIMESTAMP, pa.int64()),
        (VALUE, pa.float64()),
    ]
)
"""One row a measured value; the timestamp in milliseconds since 1970, NaN and infinity kept."""


@dataclass(frozen=True, eq=False)
class Columns:
    """A batch of measured values.

    Attributes:
        keys: The distinct keys.
        codes: Shape `(n,)`: position in `keys` of each value's key.
        steps: Shape `(n,)`: optimizer step.
        timestamps: Shape `(n,)`: milliseconds since 1970.
        values: Shape `(n,)`.
    """

    keys: tuple[str, ...]
    codes: NDArray[np.int32]
    steps: NDArray[np.int64]
    timestamps: NDArray[np.int64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.values)

    @classmethod
    def from_rows(cls, rows: Iterable[tuple[str, int, int, float]]) -> Columns:
        """Build a batch from `(key, step, timestamp, value)` rows.

        >>> Columns.from_rows([("a", 0, 5, 0.5), ("b", 0, 5, 1.0), ("a", 1, 6, 0.25)]).codes
        array([0, 1, 0], dtype=int32)
        """
        rows = list(rows)
        keys = tuple(dict.fromkeys(row[0] for row in rows))
        position = {key: code for code, key in enumerate(keys)}
        return cls(
            keys,
            np.array([position[row[0]] for row in rows], dtype=np.int32),
            np.array([row[1] for row in rows], dtype=np.int64),
            np.array([row[2] for row in rows], dtype=np.int64),
            np.array([row[3] for row in rows], dtype=np.float64),
        )

    @classmethod
    def of_one_key(
        cls,
        key: str,
        steps: NDArray[np.int64],
        timestamps: NDArray[np.int64],
        values: NDArray[np.float64],
    ) -> Columns:
        """Build a batch of the values of one key, from arrays of shape `(n,)`."""
        return cls((key,), np.zeros(len(values), dtype=np.int32), steps, timestamps, values)

    @classmethod
    def from_arrow(cls, table: pa.Table) -> Columns:
        """Read a table of `SCHEMA`, whatever its chunks' dictionaries are."""
        column = table.column(KEY)
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        keys = column.unify_dictionaries().combine_chunks()
        if isinstance(keys, pa.ChunkedArray):
            keys = keys.chunk(0)
        return cls(
            tuple(keys.dictionary.to_pylist()),
            keys.indices.to_numpy(zero_copy_only=False).astype(np.int32, copy=False),
            table.column(STEP).to_numpy(),
            table.column(TIMESTAMP).to_numpy(),
            table.column(VALUE).to_numpy(),
        )

    def to_arrow(self) -> pa.RecordBatch:
        """Return the batch as Arrow, for the spool."""
        key = pa.DictionaryArray.from_arrays(pa.array(self.codes), list(self.keys))
        arrays = [pa.array(column) for column in (self.steps, self.timestamps, self.values)]
        return pa.RecordBatch.from_arrays([key, *arrays], schema=SCHEMA)

    def grouped(self) -> Columns:
        """Return the values ordered by key, those of one key in the order they were written."""
        order = np.argsort(self.codes, kind="stable")
        return Columns(
            self.keys,
            self.codes[order],
            self.steps[order],
            self.timestamps[order],
            self.values[order],
        )

    def where(self, mask: NDArray[np.bool_]) -> Columns:
        """Return the values for which `mask`, of shape `(n,)`, holds."""
        return Columns(
            self.keys,
            self.codes[mask],
            self.steps[mask],
            self.timestamps[mask],
            self.values[mask],
        )

    def by_key(self) -> Iterator[tuple[str, Columns]]:
        """Yield each key with its values, in the order in which they were written."""
        ordered = self.grouped()
        bounds = np.searchsorted(ordered.codes, np.arange(len(self.keys) + 1))
        for code, key in enumerate(self.keys):
            own = slice(bounds[code], bounds[code + 1])
            if own.start < own.stop:
                yield (
                    key,
                    Columns.of_one_key(
                        key, ordered.steps[own], ordered.timestamps[own], ordered.values[own]
                    ),
                )
