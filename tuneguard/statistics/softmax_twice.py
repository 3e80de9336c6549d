"""The mark that a softmax leaves in losses and accuracies when it is applied twice."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_FEWEST = 5
_LATE = 4  # the last quarter of the rows
_LARGEST = 12.0  # a cross-entropy over some hundred thousand classes


class TwiceApplied(NamedTuple):
    """How well a run agrees with a cross-entropy of probabilities in place of logits.

    Attributes:
        classes: Number of classes that agrees best.
        floor: The loss of a perfect model, `ln(1 + (C - 1) / e)`.
        distance: How far loss plus accuracy end from `ln(e + C - 1)`.
        over_even: Loss at the end over the one that the accuracy explains, by Fano's inequality.
        lowest: Lowest loss less the floor.
        highest: Highest loss over `ln C`.
        slope: Fall of the validation loss over the rise of the accuracy.
        gap: How far training and validation loss end apart.
        late_fall: Fall of the validation loss over the last half, as a share of `ln C` less the
            floor.
    """

    classes: int
    floor: float
    distance: float
    over_even: float
    lowest: float
    highest: float
    slope: float
    gap: float
    late_fall: float


def softmax_twice(
    training: FloatArray, validation: FloatArray, accuracy: FloatArray
) -> TwiceApplied | None:
    """Hold losses and accuracies against those of a softmax that is applied twice.

    Its second application gets probabilities `p`. Where they are near 0 and 1, as training makes
    them, the loss of a sample is `ln(e + C - 1) - p`: the mean loss falls by exactly as much as
    the accuracy rises, whatever the number of classes `C`, and cannot fall below
    `ln(1 + (C - 1) / e)`. A loss that belongs to its logits falls much further, and at a given
    accuracy is at most that of errors spread evenly over the classes, unless its probabilities
    are far from the frequencies (Cover & Thomas 2006, Elements of Information Theory, theorem
    2.10.1). So the number of classes follows from the level of loss plus accuracy.

    Args:
        training: Losses, shape `(n,)`.
        validation: Losses of the validations, shape `(m,)`.
        accuracy: Share of right answers in the same validations, shape `(m,)`.

    Returns:
        `None` where there are too few values, or they are not those of a classification.

    >>> accuracy = np.array([0.4, 0.6, 0.7, 0.8, 0.8, 0.8, 0.8])
    >>> found = softmax_twice(2.46 - accuracy, 2.46 - accuracy, accuracy)
    >>> found.classes, round(found.slope, 2), round(found.distance, 2)
    (10, 1.0, 0.0)
    """
    losses = np.concatenate([training, validation])
    is_usable = np.isfinite(losses).all() and losses.min() > 0.0 and losses.max() <= _LARGEST
    is_short = min(len(validation), len(training)) < _FEWEST
    if is_short or len(accuracy) != len(validation) or not is_usable:
        return None
    late = slice(-max(3, len(validation) // _LATE), None)
    right = float(np.median(accuracy[late]))
    if not 0.0 < right < 1.0:
        return None
    total = float(np.median((validation + accuracy)[late]))
    classes = max(2, round(math.exp(total) - math.e + 1.0))
    wrong = 1.0 - right
    even = -right * math.log(right) - wrong * math.log(wrong / (classes - 1.0))
    floor = math.log1p((classes - 1.0) / math.e)
    end = float(np.median(validation[late]))
    rose, fell = right - float(accuracy.min()), float(validation.max()) - end
    middle = slice(len(validation) // 2 - 1, len(validation) // 2 + 2)
    return TwiceApplied(
        classes,
        floor,
        abs(total - math.log(math.e + classes - 1.0)),
        end / even,
        float(losses.min()) - floor,
        float(losses.max()) / math.log(classes),
        fell / rose if rose > 0.0 else math.inf,
        abs(float(np.median(training[late])) - end),
        (float(np.median(validation[middle])) - end) / (math.log(classes) - floor),
    )
