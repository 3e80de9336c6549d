"""Steps and epochs told apart, and every series placed between the run's start and its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tuneguard.history.roles import normalise
from tuneguard.history.series import Axis, Series

_MAX_EPOCHS = 5000


def place_on_axes(
    series: Mapping[str, Series], validation: Iterable[str] = (), axis: Axis | None = None
) -> dict[str, Series]:
    """Say of each series what it counts along, and how far into the run each point lies.

    A validation that comes at every whole number is counted in epochs: nobody validates after
    every step. A series that goes at least three times as far as that one counts steps.

    Args:
        series: By key.
        validation: Keys of what was measured on validation data.
        axis: What all of them count, where it is known.

    Returns:
        The same series by the same keys, on their axes.
    """
    epochs = None if axis else _epochs_of_validation(series, validation)
    axes = {key: axis or _axis_of(key, one, epochs) for key, one in series.items()}
    scales = {one: _Scale.of([series[key] for key in series if axes[key] is one]) for one in Axis}
    return {key: scales[axes[key]].place(one, axes[key]) for key, one in series.items()}


def _epochs_of_validation(series: Mapping[str, Series], validation: Iterable[str]) -> float | None:
    ends = (float(series[key].steps[-1]) for key in validation if _counts_by_one(series[key]))
    return max((end for end in ends if end <= _MAX_EPOCHS), default=None)


def _axis_of(key: str, series: Series, epochs: float | None) -> Axis:
    words = normalise(key).split("_")
    # an average over an epoch may be logged at the step that ended it
    is_per_epoch = "epoch" in words and len(words) > 1 and _counts_by_one(series)
    if series.axis is Axis.EPOCH or is_per_epoch:
        return Axis.EPOCH
    if epochs is None or len(series) == 0:
        return Axis.STEP
    return Axis.EPOCH if series.steps[-1] <= 3.0 * max(epochs, 1.0) else Axis.STEP


def _counts_by_one(series: Series) -> bool:
    return len(series) >= 2 and bool(np.all(np.abs(np.diff(series.steps) - 1.0) < 1e-9))


@dataclass(frozen=True, slots=True)
class _Scale:
    """From the steps of one axis to positions in the run.

    Attributes:
        end: The last step of any series.
        offset: 1 where epochs count from 0: what is logged under epoch 0 is known at its end.
    """

    end: float
    offset: float

    @classmethod
    def of(cls, series: Sequence[Series]) -> _Scale:
        filled = [one for one in series if len(one)]
        end = max((float(one.steps[-1]) for one in filled), default=0.0)
        starts = [float(one.steps[0]) for one in filled if one.steps[0] <= 1.0]
        return cls(end, 1.0 if starts and max(starts) == 0.0 else 0.0)

    def place(self, series: Series, axis: Axis) -> Series:
        offset = self.offset if axis is Axis.EPOCH else 0.0
        end = self.end + offset
        if end <= 0:
            return replace(series, axis=axis)
        return replace(series, axis=axis, positions=np.clip((series.steps + offset) / end, 0, 1))
