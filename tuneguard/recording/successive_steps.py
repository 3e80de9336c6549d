"""What successive gradients and updates say about the loss surface, from a sketch of them."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Rows = NDArray[np.float64]

_WINDOW = 32
_FEWEST = 8
_LARGEST_ERROR = 0.5
_SAME = 1e-10


class MeanRatio:
    """The ratio of two sums over the latest measurements, where it is certain enough.

    Numerators and denominators are summed apart, since a mean of ratios is biased. The standard
    error is that of a ratio estimator (Cochran 1977, Sampling Techniques, 6.4).

    Args:
        window: How many measurements count.
        fewest: How many there must be.
        largest_error: Standard error over the ratio, at most.
    """

    def __init__(
        self,
        window: int = _WINDOW,
        fewest: int = _FEWEST,
        largest_error: float = _LARGEST_ERROR,
    ) -> None:
        self._latest: deque[tuple[float, float]] = deque(maxlen=window)
        self._fewest = fewest
        self._largest_error = largest_error

    def add(self, numerator: float, denominator: float) -> float | None:
        """Take a measurement in, and return the ratio; `None` while it is uncertain.

        >>> ratio = MeanRatio(fewest=2)
        >>> ratio.add(2.0, 4.0), ratio.add(3.0, 6.0)
        (None, 0.5)
        """
        if not (math.isfinite(numerator) and math.isfinite(denominator)):
            return None
        self._latest.append((numerator, denominator))
        known = len(self._latest)
        tops, bottoms = zip(*self._latest, strict=True)
        base = sum(bottoms)
        if known < self._fewest or base == 0.0:
            return None
        ratio = sum(tops) / base
        squares = sum((top - ratio * below) * (top - ratio * below) for top, below in self._latest)
        error = math.sqrt(known / (known - 1) * squares) / abs(base)
        return ratio if error <= self._largest_error * abs(ratio) else None


def cosines(one: Rows, other: Rows) -> Vector:
    """Return the cosines between the rows of two tables, NaN where a row is zero or not finite.

    Args:
        one: Shape `(n, coordinates)`, each coordinate scaled by the root of how many it stands
            for, so that inner products estimate those of the whole model; so are all others here.
        other: Of the same shape.

    Returns:
        Shape `(n,)`. Between two successive gradients, noise makes it smaller. Between a gradient
        and the update before it, above zero the step went past the lowest point along its way;
        the batch of that gradient took no part in the update, so noise does not shift the mean.
    """
    squares = _dots(one, one) * _dots(other, other)
    is_known = (squares > 0.0) & (squares < math.inf)
    return np.where(is_known, _dots(one, other) / np.sqrt(squares), math.nan)


def noise_and_signal(first: Rows, second: Rows) -> tuple[Vector, Vector]:
    """Return the trace of the gradient's covariance, and the squared norm of its mean.

    Two independent batches at (nearly) the same point: half the squared difference, and the inner
    product. The change of the mean gradient over the update counts as noise, so where there is
    hardly any noise the ratio is an upper bound. For the noise scale see McCandlish et al. (2018),
    An Empirical Model of Large-Batch Training.

    Args:
        first: Gradients before an update, shape `(n, coordinates)`.
        second: Those after it.

    Returns:
        Two of shape `(n,)`.
    """
    difference = second - first
    return 0.5 * _dots(difference, difference), _dots(first, second)


def bends(change: Rows, update: Rows, earlier: Rows) -> tuple[Vector, Vector]:
    """Return numerators and denominators of the curvature along two successive updates.

    The secant `(g2 - g1).u / (d.u)`, with `d` the update between the gradients and `u` the one
    before. Projecting on `d` itself would add the noise of `g1`, which `d` contains, over the
    learning rate; `u` was made before either batch was drawn, so noise cancels in the mean (an
    instrumental variable; Wright 1928).

    Args:
        change: From the gradient before the update to that after it, shape `(n, coordinates)`.
        update: The updates between.
        earlier: The updates before the first gradients.

    Returns:
        Two of shape `(n,)`.
    """
    return _dots(change, earlier), _dots(update, earlier)


def noise_of_micro_batches(contributions: Sequence[Vector]) -> tuple[float, float] | None:
    """Return noise and signal of an accumulated gradient from what its micro-batches added.

    All are taken at the same weights, so curvature does not bias them.

    Args:
        contributions: What each micro-batch added, shape `(n,)` each, scaled as in a `Pair`.

    Returns:
        Trace of the covariance of the sum, and the squared norm of its mean, which may come out
        negative by chance; `None` for a single micro-batch.
    """
    count = len(contributions)
    if count < 2:
        return None
    table = np.stack(contributions)
    spread = table - table.mean(axis=0)
    noise = count * float(np.sum(spread * spread)) / (count - 1)
    total = table.sum(axis=0)
    return noise, float(np.dot(total, total)) - noise


def noise_of_ranks(own: Vector, mean: Vector, ranks: int) -> tuple[float, float] | None:
    """Return noise and signal of a gradient that is the average over ranks, from one rank's own.

    A rank's gradient differs from the average of `W` by `(W - 1) / W` of its variance, and the
    average has `1 / W` of it.

    Args:
        own: This rank's gradient, shape `(n,)`, scaled as in a `Pair`.
        mean: The average, of the same shape.
        ranks: How many ranks were averaged.

    Returns:
        Trace of the covariance of the average, and the squared norm of its mean; `None` where
        nothing was averaged.
    """
    difference = own - mean
    squares, whole = float(np.dot(difference, difference)), float(np.dot(mean, mean))
    if ranks < 2 or squares <= _SAME * whole:
        return None
    noise = squares / (ranks - 1)
    return noise, whole - noise


def _dots(one: Rows, other: Rows) -> Vector:
    dots: Vector = np.einsum("ij,ij->i", one, other)
    return dots
