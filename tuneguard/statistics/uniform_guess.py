"""Losses and accuracies of a model that guesses: they tell how many classes there are."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_ROWS = 3
_NEAR = 0.06
_HITS = (0.6, 1.6)
_HITS_OF_TWO = 1.15  # a model that learned some of many classes passes by the loss of two
_LARGEST = 12.0  # a cross-entropy over some hundred thousand classes


def classes_guessed(losses: FloatArray, accuracy: FloatArray) -> int | None:
    """Return among how many classes a model guesses at the beginning or at the end of its run.

    A model that knows nothing spreads its probabilities evenly over `C` classes: its loss is
    `ln C` and its accuracy the share of a class, `1 / C` where they are of one size. Each gives
    `C`, and where both agree over three validations, the model guessed. A model that learned has
    an accuracy far above `exp(-loss)`, until both are near 1; one that knows a third of the
    answers to five classes, and guesses at the others, may be taken for a guess among three.

    Args:
        losses: Cross-entropies of the validations, shape `(n,)`.
        accuracy: Share of right answers in the same validations, shape `(n,)`.

    Returns:
        The number of classes, to within about one in ten: an untrained model's loss is a little
        above `ln C`. `None` where the two do not agree.

    >>> classes_guessed(np.full(5, 2.31), np.array([0.09, 0.1, 0.12, 0.1, 0.1]))
    10
    >>> classes_guessed(np.full(5, 0.5), np.full(5, 0.8)) is None
    True
    """
    for part in (slice(0, _ROWS), slice(-_ROWS, None)):
        found = _classes(losses[part], accuracy[part]) if len(losses) >= _ROWS else None
        if found is not None:
            return found
    return None


def _classes(losses: FloatArray, accuracy: FloatArray) -> int | None:
    if not np.isfinite(losses).all() or not 0.6 <= losses.min() <= losses.max() <= _LARGEST:
        return None
    count = max(2, round(math.exp(float(np.median(losses)))))
    low, high = _HITS[0], _HITS[1] if count > 2 else _HITS_OF_TWO
    is_level = (np.abs(losses / math.log(count) - 1.0) <= _NEAR).all()
    hits = accuracy * count
    return count if is_level and low <= hits.min() and hits.max() <= high else None


def most_classes(accuracy: FloatArray) -> float:
    """Return how many classes there may be at most, by the worst validation of a run.

    Whatever a model answers, a share of about `1 / C` of `C` classes of like size is right: half
    as much allows for classes that are rarer, and for few samples.

    Args:
        accuracy: Share of right answers in the validations, shape `(n,)`; 0 is left out.

    Returns:
        At least 2; infinite where nothing was ever right.

    >>> most_classes(np.array([0.1, 0.5, 0.8]))
    20.0
    """
    right = accuracy[accuracy > 0.0]
    return max(2.0, 2.0 / float(right.min())) if len(right) else math.inf
