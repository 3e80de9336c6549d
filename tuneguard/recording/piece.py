"""Values of some keys, and many of them put together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tuneguard.spool.columns import Columns


@dataclass(frozen=True, eq=False, slots=True)
class Piece:
    """Values of some keys that were measured at the same steps.

    Attributes:
        keys: The metric keys, `k` of them.
        steps: Shape `(n,)`: optimizer steps, in the order in which they were measured.
        timestamps: Shape `(n,)`: milliseconds since 1970.
        values: Shape `(n, k)`.
    """

    keys: tuple[str, ...]
    steps: NDArray[np.int64]
    timestamps: NDArray[np.int64]
    values: NDArray[np.float64]

    @classmethod
    def of_one(
        cls,
        key: str,
        steps: NDArray[np.int64],
        timestamps: NDArray[np.int64],
        values: NDArray[np.float64],
    ) -> Piece:
        """Return values of one key, of shape `(n,)`."""
        return cls((key,), steps, timestamps, values[:, np.newaxis])


def joined(pieces: Iterable[Piece]) -> Columns:
    """Put pieces together, those of one key in the order in which they come."""
    position: dict[str, int] = {}
    there = [piece for piece in pieces if piece.values.size]
    codes = [
        np.tile(
            np.array([position.setdefault(key, len(position)) for key in piece.keys]),
            len(piece.steps),
        )
        for piece in there
    ]
    if not there:
        return Columns.from_rows(())
    widths = [len(piece.keys) for piece in there]
    return Columns(
        tuple(position),
        np.concatenate(codes).astype(np.int32),
        np.concatenate([np.repeat(one.steps, k) for one, k in zip(there, widths, strict=True)]),
        np.concatenate(
            [np.repeat(one.timestamps, k) for one, k in zip(there, widths, strict=True)]
        ),
        np.concatenate([piece.values.ravel() for piece in there]),
    )


def together(*batches: Columns) -> Columns:
    """Put batches together, the values of one key in the order in which they come."""
    return joined(
        Piece.of_one(key, own.steps, own.timestamps, own.values)
        for columns in batches
        for key, own in columns.by_key()
    )
