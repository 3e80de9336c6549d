"""Where a saturating curve is heading, with an interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtri, stdtrit

FloatArray = NDArray[np.float64]

_MIN_LATE_BLOCKS = 5
_BLOCKS = 24
_MIN_BLOCKS = 8
_EXPONENTS = np.geomspace(0.1, 2.0, 10)
_OFFSETS = (0.0, 0.01, 0.02, 0.04, 0.07, 0.1, 0.15, 0.22, 0.35, 0.6)  # of the span: a late begin
_TIMES = np.geomspace(0.03, 6.0, 50)  # of the span: how long an exponential takes
_MOST_MISFIT = 0.15  # residual variance over that of the medians: more is another shape
_SHAPE_SETTINGS = 2.0  # offset and exponent
_GRID_ERROR = 0.05  # of the gain: how far neighbouring shapes lie apart
_MODEL_ERROR = 0.01  # of the range: no real curve is exactly one of these shapes


@dataclass(frozen=True, slots=True)
class Extrapolation:
    """What a saturating curve, fitted to a series, says of the time after its end.

    Attributes:
        gain: How much further it falls up to the horizon, by the best of the fits.
        low: Lower end of the interval of that gain.
        high: Upper end.
        floor: Where the best fit ends after infinite time.
        noise: Standard deviation of a block's median around the best fit.
        horizon: Up to which step.
    """

    gain: float
    low: float
    high: float
    floor: float
    noise: float
    horizon: float


def extrapolate(
    steps: FloatArray, values: FloatArray, horizon: float, confidence: float = 0.9
) -> Extrapolation | None:
    """Extrapolate a falling, saturating series to a later step.

    The series is reduced to medians of blocks that grow with time. Power laws
    `floor + scale * (t + offset) ** -exponent` and exponentials
    `floor + scale * exp(-t / time)` of many shapes are fitted to them by linear least squares in
    floor and scale. The interval is the union of the intervals of all shapes that an F-test
    against the best one does not reject (profile likelihood; Bates & Watts 1988, chapter 6), with
    the number of blocks reduced by the correlation of successive residuals (Bayley & Hammersley
    1946). Such curves describe learning in time (Cortes et al. 1993; Domhan et al. 2015).

    Args:
        steps: Shape `(n,)`, increasing.
        values: Shape `(n,)`, finite.
        horizon: The step up to which the gain is wanted, after the last one.
        confidence: Probability with which the interval of one shape holds its gain.

    Returns:
        `None` where it cannot be told: fewer than eight blocks, a series that does not fall, or
        one that no such curve describes.

    >>> at = np.arange(1.0, 401.0)
    >>> ahead = extrapolate(at, 1.0 + 2.0 * np.exp(-at / 200.0), 800.0)
    >>> round(ahead.gain, 1), ahead.low < 0.234 < ahead.high
    (0.2, True)
    """
    if len(steps) < _MIN_BLOCKS or horizon <= steps[-1]:
        return None
    since = steps - steps[0] + _first_gap(steps)
    at, levels, weights = _growing_blocks(since, values)
    span = float(since[-1])
    spread = float(np.ptp(levels))
    if len(levels) < _MIN_BLOCKS or not np.isfinite(spread) or spread <= 0.0:
        return None
    ahead = (horizon - steps[0] + _first_gap(steps)) / span
    return _profile(at / span, levels / spread, weights, ahead, confidence, (spread, horizon))


@dataclass(frozen=True, slots=True)
class LatePace:
    """How fast a series still fell in the second half of its time.

    Attributes:
        fall: How much further it would fall in as long again, were that pace kept.
        kept: Pace at the end over that of the middle: near 0 where the fall has ended.
        drop: From the first third of the second half to its last.
    """

    fall: float
    kept: float
    drop: float


def late_pace(steps: FloatArray, values: FloatArray) -> LatePace | None:
    """Measure the pace of a series that is at new lows until its end.

    The means of three blocks in the second half are compared. No curve is fitted, so this holds
    for the falls that no saturating one describes, too: those that have only begun.

    Args:
        steps: Shape `(n,)`, increasing.
        values: Shape `(n,)`, finite.

    Returns:
        `None` where there are fewer than five points, or where the second half was not below
        all levels before it, block by block.

    >>> at = np.arange(60.0)
    >>> pace = late_pace(at, 2.0 - at / 100.0)
    >>> round(pace.fall, 2), round(pace.kept, 2), round(pace.drop, 2)
    (0.59, 1.0, 0.2)
    """
    size = max(1, round(len(values) / 6))
    count = len(values) // size
    if count < _MIN_LATE_BLOCKS:
        return None
    kept = slice(len(values) - count * size, None)
    levels = values[kept].reshape(count, size).mean(axis=1)
    centres = steps[kept].reshape(count, size).mean(axis=1)
    first, middle, last = (float(level) for level in levels[-3:])
    if not last < middle < float(levels[:-2].min()):
        return None
    paces = -np.diff(levels[-3:]) / np.diff(centres[-3:])
    pace = (first - last) / float(centres[-1] - centres[-3])
    return LatePace(pace * float(steps[-1] - steps[0]), float(paces[1] / paces[0]), first - last)


def _profile(  # noqa: PLR0913, PLR0917 - one fit, its weights and its scales
    at: FloatArray,
    levels: FloatArray,
    weights: FloatArray,
    ahead: float,
    confidence: float,
    scales: tuple[float, float],
) -> Extrapolation | None:
    """Fit all shapes, and join the intervals of those that fit as well as the best."""
    shapes = _shapes(np.append(at, [1.0, ahead]))
    fits = _least_squares(shapes[:, :-2], levels, weights)
    best = int(np.argmin(fits.misfit))
    rest = levels - fits.floor[best] - fits.scale[best] * shapes[best, :-2]
    total = float(weights @ (levels - np.average(levels, weights=weights)) ** 2)
    if fits.scale[best] <= 0.0 or fits.misfit[best] > _MOST_MISFIT * total:
        return None
    degrees = max(_effective_count(rest) - 3.0, 2.0)
    variance = max(float(fits.misfit[best]) / degrees, _MODEL_ERROR**2)
    limit = _SHAPE_SETTINGS * float(fdtri(_SHAPE_SETTINGS, degrees, confidence))
    accepted = fits.misfit <= fits.misfit[best] + variance * limit
    gains = fits.scale * (shapes[:, -2] - shapes[:, -1])
    reach = float(stdtrit(degrees, 0.5 + confidence / 2.0)) * np.sqrt(variance)
    reaches = reach * np.abs(shapes[:, -2] - shapes[:, -1]) * fits.scale_error
    reaches += _GRID_ERROR * np.abs(gains)
    spread, horizon = scales
    return Extrapolation(
        gain=spread * float(gains[best]),
        low=spread * float((gains - reaches)[accepted].min()),
        high=spread * float((gains + reaches)[accepted].max()),
        floor=spread * float(fits.floor[best]),
        noise=spread * float(np.sqrt(variance)),
        horizon=horizon,
    )


@dataclass(frozen=True, slots=True)
class _Fits:
    """Least squares of each shape, arrays of shape `(shapes,)`."""

    floor: FloatArray
    scale: FloatArray
    scale_error: FloatArray  # in standard deviations of a level of weight 1
    misfit: FloatArray


def _least_squares(shapes: FloatArray, levels: FloatArray, weights: FloatArray) -> _Fits:
    share = weights / weights.sum()
    centre = shapes @ share
    apart = shapes - centre[:, None]
    mean = float(share @ levels)
    power = np.maximum((apart**2) @ weights, 1e-300)
    scale = apart @ (weights * (levels - mean)) / power
    floor = mean - scale * centre
    rest = levels - floor[:, None] - scale[:, None] * shapes
    return _Fits(floor, scale, 1.0 / np.sqrt(power), (rest**2) @ weights)


def _shapes(at: FloatArray) -> FloatArray:
    """Return falling curves of shape `(shapes, n)`, each 1 at the first of `at`."""
    powers = [(at + offset) ** -exponent for offset in _OFFSETS for exponent in _EXPONENTS]
    exponentials = [np.exp(-(at - at[0]) / time) for time in _TIMES]
    curves = np.array([*powers, *exponentials])
    curves /= curves[:, :1]
    return curves


def _growing_blocks(
    at: FloatArray, values: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return mean steps, medians and weights of blocks that grow with time."""
    edges = np.linspace(np.sqrt(at[0]), np.sqrt(at[-1]), _BLOCKS + 1)[1:-1] ** 2
    cuts = np.unique(np.concatenate([[0], np.searchsorted(at, edges), [len(at)]]))
    counts = np.diff(cuts)
    starts = cuts[:-1][counts > 0]
    ends = cuts[1:][counts > 0]
    levels = np.array([np.median(values[a:b]) for a, b in zip(starts, ends, strict=True)])
    centres = np.array([np.mean(at[a:b]) for a, b in zip(starts, ends, strict=True)])
    sizes = (ends - starts).astype(np.float64)
    return centres, levels, np.sqrt(sizes / sizes.max())


def _first_gap(steps: FloatArray) -> float:
    return float(np.median(np.diff(steps[: _BLOCKS + 1])))


def _effective_count(rest: FloatArray) -> float:
    """Return how many independent residuals these are worth."""
    power = float(rest @ rest)
    carried = float(rest[1:] @ rest[:-1]) / power if power > 0.0 else 0.0
    carried = min(max(carried, 0.0), 0.95)
    return len(rest) * (1.0 - carried) / (1.0 + carried)
