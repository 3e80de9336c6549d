"""What runs are laid over each other by: steps, epochs or seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tuneguard import keys
from tuneguard.comparison.result import PairedOn
from tuneguard.exceptions import TuneGuardError
from tuneguard.history import Axis, RunHistory, Series

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Track:
    """One measure of one run along a common axis.

    Attributes:
        at: Shape `(n,)`, increasing: steps, epochs or seconds.
        values: Shape `(n,)`; NaN and infinity are kept.
    """

    at: FloatArray
    values: FloatArray

    @property
    def end(self) -> float:
        """Where the track ends."""
        return float(self.at[-1])

    def between(self, first: float, last: float) -> Track:
        """Return what lies after `first`, up to `last`."""
        inside = (self.at > first) & (self.at <= last)
        return Track(self.at[inside], self.values[inside])


def axis_name(series: Sequence[Series], paired_on: PairedOn) -> str:
    """Return what the tracks of `series` count, for the axis of a picture."""
    if paired_on != "step":
        return {"epoch": "epoch", "time": "second"}[paired_on]
    axes = {one.axis for one in series}
    if len(axes) > 1:
        return "percent of the run"
    return "epoch" if axes == {Axis.EPOCH} else "step"


def tracks_of(
    series: Sequence[Series], histories: Sequence[RunHistory], paired_on: PairedOn
) -> tuple[Track, ...]:
    """Lay the series of one measure along one axis.

    Series that count different things, some steps and some epochs, are laid over each other by
    how far into its run each point lies.

    Args:
        series: One for each run.
        histories: The runs.
        paired_on: What the axis counts.

    Raises:
        TuneGuardError: A run does not tell its epochs, or its times.
    """
    if paired_on == "step":
        is_mixed = len({one.axis for one in series}) > 1
        return tuple(
            Track(100.0 * one.positions if is_mixed else one.steps, one.values) for one in series
        )
    clock = _epochs if paired_on == "epoch" else _seconds
    return tuple(
        Track(clock(one, history), one.values)
        for one, history in zip(series, histories, strict=True)
    )


def seconds_spent(history: RunHistory) -> float | None:
    """Return the sum of a run's step times, or `None` where they were not recorded."""
    times = _step_times(history)
    return None if times is None else float(times[1][-1])


def _step_times(history: RunHistory) -> tuple[FloatArray, FloatArray] | None:
    """Return positions in the run and the seconds that had passed there."""
    found = history.series.get(keys.STEP_SECONDS) or history.series.get(
        f"{keys.PREFIX}{keys.STEP_SECONDS}"
    )
    if found is None or not found.is_finite.any():
        return None
    known = found.finite()
    return known.positions, np.cumsum(known.values * known.weights)


def _seconds(series: Series, history: RunHistory) -> FloatArray:
    times = _step_times(history)
    if times is None:
        raise TuneGuardError(
            f"{_name(history)} has no {keys.STEP_SECONDS}, so it cannot be laid over another by "
            "time: record it with TuneGuardCallback, or compare on steps."
        )
    return np.interp(series.positions, *times)


def _epochs(series: Series, history: RunHistory) -> FloatArray:
    if series.axis is Axis.EPOCH:
        return series.steps
    settings = history.hyperparameters
    if settings.batch_size and settings.train_samples:
        return series.steps * settings.batch_size / settings.train_samples
    logged = history.series.get("epoch")
    if logged is not None and len(logged.finite()) >= 2:
        known = logged.finite()
        return np.interp(series.steps, known.steps, known.values)
    if settings.epochs:
        return series.positions * settings.epochs
    raise TuneGuardError(
        f"{_name(history)} does not tell its epochs: log the params batch_size and "
        "train_samples, or epochs, or compare on steps."
    )


def _name(history: RunHistory) -> str:
    return history.identity.name or history.identity.run_id or "A run"
