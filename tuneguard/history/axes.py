"""Steps and epochs told apart, and every series placed between the run's start and its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tuneguard.history.roles import Role
from tuneguard.history.series import Axis, Series

_MAX_EPOCHS = 5000


def place_on_axes(
    series: Mapping[str, Series], roles: Mapping[Role, str], axis: Axis | None = None
) -> dict[str, Series]:
    """Say of each series what it counts along, and how far into the run each point lies.

    A validation that comes at every whole number is counted in epochs: nobody validates after
    every step. A series that goes at least three times as far as that one counts steps.

    Args:
        series: By key.
        roles: Which key plays which role.
        axis: What all of them count, where it is known.

    Returns:
        The same series by the same keys, on their axes.
    """
    epochs = None if axis else _epochs_of_validation(series, roles)
    axes = {key: axis or _axis_of(key, one, epochs) for key, one in series.items()}
    ends: dict[Axis, float] = {}
    for key, one in series.items():
        if len(one):
            ends[axes[key]] = max(ends.get(axes[key], 0.0), float(one.steps[-1]))
    return {key: _placed(one, axes[key], ends.get(axes[key], 0.0)) for key, one in series.items()}


def _epochs_of_validation(series: Mapping[str, Series], roles: Mapping[Role, str]) -> float | None:
    key = roles.get(Role.VALIDATION_LOSS)
    if key is None or len(series[key]) < 2:
        return None
    steps = series[key].steps
    end = float(steps[-1])
    is_whole = bool(np.all(np.abs(np.diff(steps) - 1.0) < 1e-9))
    return end if is_whole and end <= _MAX_EPOCHS else None


def _axis_of(key: str, series: Series, epochs: float | None) -> Axis:
    if series.axis is Axis.EPOCH or "epoch" in key.lower():
        return Axis.EPOCH
    if epochs is None or len(series) == 0:
        return Axis.STEP
    return Axis.EPOCH if series.steps[-1] <= 3.0 * max(epochs, 1.0) else Axis.STEP


def _placed(series: Series, axis: Axis, end: float) -> Series:
    positions = np.clip(series.steps / end, 0.0, 1.0) if end > 0 else series.positions.copy()
    return replace(series, axis=axis, positions=positions)
