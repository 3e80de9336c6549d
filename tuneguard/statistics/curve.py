"""A series reduced to its course: levels, their noise, where it was best, where it ended."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from tuneguard.history import Series
from tuneguard.statistics.robust import noise_scale, running_median

FloatArray = NDArray[np.float64]

BLOCKS = 30
_MEDIAN_OF_THREE = 0.67  # standard deviation of the median of three normal points
_FEW_POINTS = 8.0  # points at which the scale of the noise is taken twice


@dataclass(frozen=True, eq=False)
class Curve:
    """The course of a series in robust levels.

    A long series is cut into `BLOCKS` blocks of equally many points, each summed up by its
    median; a short one is smoothed by a running median of three. Steps and positions are those
    of the levels' last points.

    Attributes:
        levels: Shape `(k,)`.
        steps: Shape `(k,)`: last step of each level.
        positions: Shape `(k,)`: how far into the run that is, from 0 to 1.
        level_noise: Standard deviation of a level from noise alone, in the unit of the values.
        noise: Standard deviation of a single point around the course.
        start: Median of the first few points.
        end: Median of the last few levels.
        best: The lowest level (`start`, if no level is lower).
        best_index: Where that is, for a short series to the point; 0 if none is below the start.
        points: How many finite points the series has.
        is_blocked: Whether levels are medians of blocks.
    """

    levels: FloatArray
    steps: FloatArray
    positions: FloatArray
    level_noise: float
    noise: float
    start: float
    end: float
    best: float
    best_index: int
    points: int
    is_blocked: bool

    @property
    def gained(self) -> float:
        """How far the series came down from its start at its best."""
        return self.start - self.best

    @property
    def lost(self) -> float:
        """How far it ended above its best."""
        return self.end - self.best

    @property
    def gain_noise(self) -> float:
        """Standard deviation of what a level lies below the start, from noise alone.

        The start of a short series is a single point, and a scale that few points give may be
        much too low.
        """
        first = max(1, min(5, self.points // 10))
        start_noise = self.noise * min(1.0, 1.2533 / first**0.5)
        return float(np.hypot(start_noise, self.level_noise)) * (1.0 + _FEW_POINTS / self.points)

    @property
    def best_step(self) -> float:
        """The step of the best level."""
        return float(self.steps[self.best_index])

    def after(self, position: float) -> FloatArray:
        """Return the levels that lie after `position` in the run."""
        return self.levels[self.positions > position]


_COURSES: WeakKeyDictionary[Series, Curve | None] = WeakKeyDictionary()


def course(series: Series) -> Curve | None:
    """Reduce a series to its course; computed once for each series, as many rules ask for it.

    Returns:
        The course of the finite points, or `None` where there are fewer than three.

    >>> points = [(step, 2.0 - step / 100) for step in range(100)]
    >>> curve = course(Series.from_points("loss", points))
    >>> round(curve.start, 2), round(curve.best, 2), len(curve.levels)
    (1.98, 1.02, 30)
    """
    if series not in _COURSES:
        _COURSES[series] = _course_of(series)
    return _COURSES[series]


def _course_of(series: Series) -> Curve | None:
    finite = series.finite()
    values = finite.values
    count = len(values)
    if count < 3:
        return None
    if count >= 2 * BLOCKS:
        edges = np.linspace(0, count, BLOCKS + 1).astype(int)
        levels = np.array([np.median(values[a:b]) for a, b in pairwise(edges)])
        last = edges[1:] - 1
        noise = noise_scale(values)
        white = 1.2533 * noise / np.sqrt(count / BLOCKS)
        level_noise = max(white, noise_scale(levels))
    else:
        levels = running_median(values, 3)
        last = np.arange(count)
        noise = noise_scale(values)
        level_noise = _MEDIAN_OF_THREE * noise
    start = float(np.median(values[: max(1, min(5, count // 10))]))
    best_index = int(np.argmin(levels))
    best = min(start, float(levels[best_index]))
    if count < 2 * BLOCKS:  # a median of three does not say which of them was lowest
        first = max(0, best_index - 1)
        best_index = first + int(np.argmin(values[first : best_index + 2]))
    return Curve(
        levels=levels,
        steps=finite.steps[last],
        positions=finite.positions[last],
        level_noise=float(level_noise),
        noise=noise,
        start=start,
        end=float(np.median(levels[-2:] if count < 20 else levels[-3:])),
        best=best,
        best_index=best_index if best < start else 0,
        points=count,
        is_blocked=count >= 2 * BLOCKS,
    )
