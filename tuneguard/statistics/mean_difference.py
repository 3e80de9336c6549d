"""How far a mean difference may be off, where neighbouring values resemble each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

FloatArray = NDArray[np.float64]

MIN_POINTS = 6
_MOST_CARRIED = 0.99
_LEAST_SHARE = 0.15  # of the variance that is left where a line explains much of few values


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its uncertainty.

    Attributes:
        mean: The estimate itself.
        standard_error: Its standard deviation, in the same unit.
        degrees: Degrees of freedom with which the standard error is known; infinite where it is
            not an estimate.
    """

    mean: float
    standard_error: float
    degrees: float

    def interval(self, confidence: float) -> tuple[float, float]:
        """Return Student's interval around the mean.

        Args:
            confidence: Probability that it holds the true mean, such as 0.95.

        >>> low, high = Estimate(1.0, 0.5, np.inf).interval(0.95)
        >>> round(low, 2), round(high, 2)
        (0.02, 1.98)
        """
        reach = float(stdtrit(self.degrees, 0.5 + confidence / 2.0)) * self.standard_error
        return (self.mean - reach, self.mean + reach)

    def with_more_noise(self, deviation: float) -> Estimate:
        """Add an independent error of a known standard deviation.

        The degrees of freedom follow Welch (1947) and Satterthwaite (1946).

        >>> Estimate(1.0, 3.0, 5.0).with_more_noise(4.0).standard_error
        5.0
        """
        if deviation <= 0.0:
            return self
        total = float(np.hypot(self.standard_error, deviation))
        own_share = (self.standard_error / total) ** 2
        degrees = self.degrees / own_share**2 if own_share > 0.0 else np.inf
        return Estimate(self.mean, total, float(degrees))


def mean_of_successive(values: FloatArray) -> Estimate:
    """Estimate the mean of successive values whose neighbours resemble each other.

    A straight line is taken out first: a difference that grows is no noise. What is left carries
    over a share `r` of each value to the next, so only `n (1 - r) / (1 + r)` of `n` values are
    independent (Bayley & Hammersley 1946). `r` is the lag-1 autocorrelation, corrected for its
    bias around a line and raised by two standard errors: taken as estimated, it lets intervals
    of few points miss the mean several times too often.

    Args:
        values: Shape `(n,)`, finite, evenly spaced in time; at least `MIN_POINTS`.

    Returns:
        The mean, with as many degrees of freedom as there are independent values, less one.

    Raises:
        ValueError: There are fewer than `MIN_POINTS` values.

    >>> estimate = mean_of_successive(np.linspace(1.0, 3.0, 50))
    >>> round(estimate.mean, 6), round(estimate.standard_error, 6)
    (2.0, 0.0)
    """
    count = len(values)
    if count < MIN_POINTS:
        raise ValueError(f"{MIN_POINTS} values are needed, got {count}")
    mean, rest = float(values.mean()), _around_a_line(values)
    spread = float(np.mean(rest**2))
    if spread <= (1e-12 * float(np.abs(values).max())) ** 2:
        return Estimate(mean, 0.0, float(count - 1))
    independent = _independent_values(rest, spread)
    variance = spread / max(1.0 - 2.0 / independent, _LEAST_SHARE)
    return Estimate(mean, float(np.sqrt(variance / independent)), independent - 1.0)


def _around_a_line(values: FloatArray) -> FloatArray:
    at = np.arange(len(values)) - 0.5 * (len(values) - 1)
    slope = float(np.sum(at * values) / np.sum(at**2))
    rest: FloatArray = values - values.mean() - slope * at
    return rest


def _independent_values(rest: FloatArray, spread: float) -> float:
    count = len(rest)
    raw = float(np.sum(rest[1:] * rest[:-1])) / (spread * count)
    unbiased = min((count * raw + 2.0) / (count - 4.0), _MOST_CARRIED)
    error = np.sqrt(max(1.0 - unbiased**2, 0.0) / count)
    carried = float(np.clip(unbiased + 2.0 * error, 0.0, _MOST_CARRIED))
    return float(np.clip(count * (1.0 - carried) / (1.0 + carried), 2.0, count))


def difference_of_pairs(differences: FloatArray) -> Estimate:
    """Estimate a mean difference from independent pairs (Student 1908).

    Args:
        differences: Shape `(n,)`, finite, one for each pair; at least two.

    >>> difference_of_pairs(np.array([1.0, 3.0])).mean
    2.0
    """
    count = len(differences)
    error = float(np.std(differences, ddof=1)) / np.sqrt(count)
    return Estimate(float(np.mean(differences)), float(error), float(count - 1))


def difference_of_groups(before: FloatArray, after: FloatArray) -> Estimate:
    """Estimate how much the mean of one group lies above that of another.

    Welch's (1947) test, which lets the groups have different variances; a single value is taken
    to have the variance of the other group (Crawford & Howell 1998).

    Args:
        before: Shape `(n,)`, finite.
        after: Shape `(m,)`, finite; one of the groups has at least two values.

    >>> difference_of_groups(np.array([1.0, 2.0, 3.0]), np.array([4.0])).mean
    2.0
    """
    mean = float(np.mean(after) - np.mean(before))
    single = min(len(before), len(after)) == 1
    if single:
        several = before if len(before) > 1 else after
        variance = float(np.var(several, ddof=1))
        error = np.sqrt(variance * (1.0 + 1.0 / len(several)))
        return Estimate(mean, float(error), float(len(several) - 1))
    shares = [float(np.var(group, ddof=1)) / len(group) for group in (before, after)]
    total = sum(shares)
    if total == 0.0:
        return Estimate(mean, 0.0, float(len(before) + len(after) - 2))
    unsure = [s**2 / (len(g) - 1) for s, g in zip(shares, (before, after), strict=True)]
    return Estimate(mean, float(np.sqrt(total)), total**2 / sum(unsure))
