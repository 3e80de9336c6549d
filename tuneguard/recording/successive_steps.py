"""What successive gradients and updates say about the loss surface, from a sketch of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

_WINDOW = 32
_FEWEST = 8
_LARGEST_ERROR = 0.5


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
        self._tops = np.zeros(window)
        self._bottoms = np.zeros(window)
        self._count = 0
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
        place = self._count % len(self._tops)
        self._tops[place], self._bottoms[place] = numerator, denominator
        self._count += 1
        known = min(self._count, len(self._tops))
        base = float(self._bottoms[:known].sum())
        if known < self._fewest or base == 0.0:
            return None
        ratio = float(self._tops[:known].sum()) / base
        residuals = self._tops[:known] - ratio * self._bottoms[:known]
        error = math.sqrt(known / (known - 1) * float(np.dot(residuals, residuals))) / abs(base)
        return ratio if error <= self._largest_error * abs(ratio) else None


@dataclass(frozen=True, eq=False)
class Pair:
    """Two successive gradients, and the updates around them, in the sketch's coordinates.

    Attributes:
        first: The gradient before an update, shape `(n,)`.
        second: The gradient after it.
        update: The update between the two; `None` where it was not read.
        earlier: The update before the first; `None` where it was not read.
        weights: How many coordinates of the model each one stands for.
    """

    first: Vector
    second: Vector
    update: Vector | None
    earlier: Vector | None
    weights: Vector

    @property
    def cosine(self) -> float | None:
        """Cosine between the two gradients; `None` where one of them is zero."""
        return _cosine(self.first, self.second, self.weights)

    @property
    def cosine_to_update(self) -> float | None:
        """Cosine between the gradient after the update and the update.

        Above zero the step went past the lowest point along its way. The batch of the second
        gradient took no part in the update, so noise does not shift the mean.
        """
        if self.update is None:
            return None
        return _cosine(self.second, self.update, self.weights)

    @property
    def noise_and_signal(self) -> tuple[float, float]:
        """Trace of the gradient's covariance, and the squared norm of its mean.

        Two independent batches at (nearly) the same point: half the squared difference, and the
        inner product. The change of the mean gradient over the update counts as noise, so where
        there is hardly any noise the ratio is an upper bound. For the noise scale see McCandlish
        et al. (2018), An Empirical Model of Large-Batch Training.
        """
        difference = self.second - self.first
        noise = 0.5 * _product(difference, difference, self.weights)
        return noise, _product(self.first, self.second, self.weights)

    @property
    def bend(self) -> tuple[float, float] | None:
        """Numerator and denominator of the curvature along the way of two successive updates.

        The secant `(g2 - g1).u / (d.u)`, with `d` the update between the gradients and `u` the one
        before. Projecting on `d` itself would add the noise of `g1`, which `d` contains, over the
        learning rate; `u` was made before either batch was drawn, so noise cancels in the mean
        (an instrumental variable; Wright 1928).
        """
        if self.update is None or self.earlier is None:
            return None
        change = self.second - self.first
        return (
            _product(change, self.earlier, self.weights),
            _product(self.update, self.earlier, self.weights),
        )


def noise_of_micro_batches(
    contributions: Sequence[Vector], weights: Vector
) -> tuple[float, float] | None:
    """Return noise and signal of an accumulated gradient from what its micro-batches added.

    All are taken at the same weights, so curvature does not bias them.

    Args:
        contributions: What each micro-batch added, shape `(n,)` each; two at least.
        weights: How many coordinates of the model each one stands for.

    Returns:
        Trace of the covariance of the sum, and the squared norm of its mean, which may come out
        negative by chance; `None` for a single micro-batch.
    """
    count = len(contributions)
    if count < 2:
        return None
    table = np.stack(contributions)
    spread = table - table.mean(axis=0)
    noise = count * sum(_product(row, row, weights) for row in spread) / (count - 1)
    total = table.sum(axis=0)
    return float(noise), _product(total, total, weights) - float(noise)


def _product(one: Vector, other: Vector, weights: Vector) -> float:
    return float(np.dot(one * weights, other))


def _cosine(one: Vector, other: Vector, weights: Vector) -> float | None:
    norms = _product(one, one, weights) * _product(other, other, weights)
    if not norms > 0.0 or not np.isfinite(norms):
        return None
    return _product(one, other, weights) / float(np.sqrt(norms))
