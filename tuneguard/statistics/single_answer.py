"""Rows of validations of a model that gives every sample the same answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_AT_WORK = 0.1
_FEWEST = 5


@dataclass(frozen=True, slots=True)
class LateRows:
    """What the later half of the validations had in common, of those before the steps ended.

    Attributes:
        first: Index of the first of them.
        last: Index of the last.
        score: The score that most of them have.
        same: Share of them that have that score or the next most common one.
        moved: Range of their losses, as a share of the losses' median.
        fell: How far the losses came down from the first third to the last, as such a share.
        peak: Highest loss of all validations over that median.
    """

    first: int
    last: int
    score: float
    same: float
    moved: float
    fell: float
    peak: float


def late_rows(
    losses: FloatArray, scores: FloatArray, rates: FloatArray, full_rate: float = 0.0
) -> LateRows | None:
    """Sum up the later half of the validations.

    A score that counts right answers changes from validation to validation as long as the model
    tells samples apart, if only by chance: of hundreds of answers, some are always about to
    change. One answer for all is right for the same share of them every time, and a model that
    is about to give another has two such shares. Where the learning rate had fallen below a tenth
    of its peak, nothing changes any more, and nothing is counted.

    Args:
        losses: Validation losses, shape `(n,)`, finite and positive.
        scores: Scores in the same validations, shape `(n,)`, as exactly as they were recorded.
        rates: Learning rates at the same time, shape `(n,)`, or of no length.
        full_rate: The rate that was asked for, where it may have fallen before the first of them.

    Returns:
        `None` where there are fewer than five such validations.

    >>> rows = late_rows(1.6 + 0.01 * np.tile([0.0, 1.0], 8), np.full(16, 0.2), np.ones(16))
    >>> rows.first, rows.last, rows.score, rows.same, round(rows.moved, 4), abs(rows.fell) < 1e-9
    (8, 15, 0.2, 1.0, 0.0062, True)
    """
    count = len(losses)
    if len(rates) == count and count and rates.max() > 0.0:
        at_work = np.flatnonzero(rates >= _AT_WORK * max(float(rates.max()), full_rate))
        count = 1 + int(at_work[-1]) if len(at_work) else 0
    first = count // 2
    late, seen = losses[first:count], scores[first:count]
    if len(late) < _FEWEST:
        return None
    values, counts = np.unique(seen, return_counts=True)
    third, level = max(1, len(late) // 3), float(np.median(late))
    return LateRows(
        first=first,
        last=count - 1,
        score=float(values[np.argmax(counts)]),
        same=float(np.sort(counts)[-2:].sum() / len(seen)),
        moved=float(np.ptp(late)) / level,
        fell=float(np.median(late[:third]) - np.median(late[-third:])) / level,
        peak=float(losses.max()) / level,
    )
