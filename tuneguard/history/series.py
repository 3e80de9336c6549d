"""One measured quantity over the course of a run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuneguard.exceptions import HistoryFormatError
from tuneguard.history.rewinds import latest_lineage

FloatArray = NDArray[np.float64]


class Axis(str, Enum):
    """What a series counts along."""

    STEP = "step"
    EPOCH = "epoch"


class Sampling(str, Enum):
    """How the points of a series were chosen from what happened."""

    EVERY_STEP = "every-step"
    STRIDE = "stride"
    BURSTS = "bursts"
    THINNED = "thinned"


@dataclass(frozen=True, eq=False)
class Series:
    """One measured quantity, sorted by step, each step once.

    Attributes:
        key: The name that the run gives it.
        steps: Shape `(n,)`, strictly increasing; whole numbers but for fractions of an epoch.
        values: Shape `(n,)`; NaN and infinity are kept.
        positions: Shape `(n,)`: how far into the run each point lies, from 0 to 1. Series on
            different axes are compared by it.
        weights: Shape `(n,)`: how many steps each point stands for, from half way to the point
            before it to half way to the next; at the ends, for as much outside as inside of its
            pair. Of a part of a series, points stand for what they stood for in the whole.
        axis: What `steps` counts.
        sampling: How the points were chosen. `THINNED` points are summaries of a stride.
        rewound_at: Steps to which the run jumped back (a resume, or two runs in one file).
        written: How many points were written, those included that others have overwritten.
    """

    key: str
    steps: FloatArray
    values: FloatArray
    positions: FloatArray
    weights: FloatArray
    axis: Axis = Axis.STEP
    sampling: Sampling = Sampling.EVERY_STEP
    rewound_at: tuple[float, ...] = ()
    written: int = 0

    def __post_init__(self) -> None:
        for array in (self.steps, self.values, self.positions, self.weights):
            array.flags.writeable = False

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def is_finite(self) -> NDArray[np.bool_]:
        """Shape `(n,)`: where the value is neither NaN nor infinite."""
        return np.isfinite(self.values)

    @property
    def span(self) -> tuple[float, float]:
        """The first and the last step; zeros where there is no point."""
        return (float(self.steps[0]), float(self.steps[-1])) if len(self) else (0.0, 0.0)

    def finite(self) -> Series:
        """Return the series without its NaN and infinite values."""
        return self if self.is_finite.all() else self.where(self.is_finite)

    def where(self, mask: NDArray[np.bool_]) -> Series:
        """Return the points for which `mask`, of shape `(n,)`, holds."""
        return Series(
            self.key,
            self.steps[mask],
            self.values[mask],
            self.positions[mask],
            self.weights[mask],
            self.axis,
            self.sampling,
            self.rewound_at,
        )

    @classmethod
    def from_points(
        cls,
        key: str,
        points: Iterable[tuple[Any, Any]],
        *,
        axis: Axis = Axis.STEP,
        thinned: bool = False,
    ) -> Series:
        """Build a series from `(step, value)` pairs in the order in which they were written.

        Args:
            key: The name that the run gives it.
            points: Pairs; of a repeated step the last one wins, and what a resumed run has
                overwritten is dropped.
            axis: What the steps count.
            thinned: Whether the points are summaries of many.

        Raises:
            HistoryFormatError: A pair does not hold two numbers.
        """
        rows = list(points)
        try:
            table = np.array(
                [(float(step), float(value)) for step, value in rows], dtype=np.float64
            )
        except (TypeError, ValueError) as error:
            raise HistoryFormatError(
                f"Series {key!r} must be pairs of a step and a number: {error}."
            ) from error
        table = table.reshape(-1, 2)
        return cls.from_arrays(key, table[:, 0], table[:, 1], axis=axis, thinned=thinned)

    @classmethod
    def from_arrays(
        cls,
        key: str,
        steps: NDArray[np.floating[Any] | np.integer[Any]],
        values: NDArray[np.floating[Any] | np.integer[Any]],
        *,
        axis: Axis = Axis.STEP,
        thinned: bool = False,
    ) -> Series:
        """Build a series from arrays of shape `(n,)` in the order in which they were written.

        Args:
            key: The name that the run gives it.
            steps: Resumes and repeats are resolved as `from_points` does.
            values: One for each step.
            axis: What the steps count.
            thinned: Whether the points are summaries of many.
        """
        has_step = np.isfinite(steps)
        written: FloatArray = np.asarray(steps, dtype=np.float64)[has_step]
        kept, rewound_at = latest_lineage(written)
        counted = written[kept]
        return cls(
            key,
            counted,
            np.asarray(values, dtype=np.float64)[has_step][kept],
            _own_positions(counted),
            _own_weights(counted),
            axis,
            Sampling.THINNED if thinned else infer_sampling(counted),
            rewound_at,
            len(written),
        )


def infer_sampling(steps: FloatArray) -> Sampling:
    """Say from the gaps between steps how a series was sampled.

    It has a stride where nine gaps in ten are the same, give or take a twentieth, and nine tenths
    of the time are in them.

    >>> infer_sampling(np.array([0.0, 1.0, 2.0]))
    <Sampling.EVERY_STEP: 'every-step'>
    >>> infer_sampling(np.array([0.0, 10.0, 20.0]))
    <Sampling.STRIDE: 'stride'>
    >>> infer_sampling(np.array([0.0, 1.0, 50.0, 51.0, 100.0, 101.0]))
    <Sampling.BURSTS: 'bursts'>
    """
    gaps = np.diff(steps)
    if len(gaps) == 0 or np.all(gaps <= 1.0):
        return Sampling.EVERY_STEP
    usual = np.median(gaps)
    is_usual = np.abs(gaps - usual) <= 0.05 * usual
    is_even = np.mean(is_usual) >= 0.9 and gaps[is_usual].sum() >= 0.9 * gaps.sum()
    return Sampling.STRIDE if is_even else Sampling.BURSTS


def _own_positions(steps: FloatArray) -> FloatArray:
    span = steps[-1] if len(steps) and steps[-1] > 0 else 1.0
    return np.clip(steps / span, 0.0, 1.0)


def _own_weights(steps: FloatArray) -> FloatArray:
    if len(steps) < 2:
        return np.ones(len(steps))
    gaps = np.diff(steps)
    before, after = np.append(gaps[:2].max(), gaps), np.append(gaps, gaps[-2:].max())
    weights: FloatArray = 0.5 * (before + after)
    return weights
