"""Values of one key, and many of them put together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tuneguard.spool.columns import Columns


@dataclass(frozen=True, eq=False, slots=True)
class Piece:
    """Values of one key, in the order in which they were measured.

    Attributes:
        key: The metric key.
        steps: Shape `(n,)`: optimizer steps.
        timestamps: Shape `(n,)`: milliseconds since 1970.
        values: Shape `(n,)`.
    """

    key: str
    steps: NDArray[np.int64]
    timestamps: NDArray[np.int64]
    values: NDArray[np.float64]


def joined(pieces: Iterable[Piece]) -> Columns:
    """Put pieces together, those of one key in the order in which they come."""
    merged: dict[str, list[Piece]] = {}
    for piece in pieces:
        if len(piece.values):
            merged.setdefault(piece.key, []).append(piece)
    if not merged:
        return Columns.from_rows(())
    ordered = [piece for found in merged.values() for piece in found]
    codes = [code for code, found in enumerate(merged.values()) for _ in found]
    lengths = [len(piece.values) for piece in ordered]
    return Columns(
        tuple(merged),
        np.repeat(np.array(codes, dtype=np.int32), lengths),
        np.concatenate([piece.steps for piece in ordered]),
        np.concatenate([piece.timestamps for piece in ordered]),
        np.concatenate([piece.values for piece in ordered]),
    )


def together(*batches: Columns) -> Columns:
    """Put batches together, the values of one key in the order in which they come."""
    return joined(
        Piece(key, own.steps, own.timestamps, own.values)
        for columns in batches
        for key, own in columns.by_key()
    )
