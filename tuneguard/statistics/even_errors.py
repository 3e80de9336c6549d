"""The loss of a classifier whose errors are spread evenly over the wrong classes."""

from __future__ import annotations

import math


def loss_of_even_errors(accuracy: float, classes: float) -> float:
    """Return the highest cross-entropy that a calibrated classifier of this accuracy may have.

    It is the right side of Fano's inequality (Cover & Thomas 2006, Elements of Information
    Theory, theorem 2.10.1), which errors reach that say nothing of the class.

    Args:
        accuracy: Share of right answers, between 0 and 1.
        classes: How many classes there are.

    >>> round(loss_of_even_errors(0.1, 10), 4)  # of a uniform guess it is ln 10
    2.3026
    """
    wrong = 1.0 - accuracy
    return -accuracy * math.log(accuracy) - wrong * math.log(wrong / max(classes - 1.0, 1.0))
