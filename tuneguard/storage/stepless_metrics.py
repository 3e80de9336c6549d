"""Metrics that were logged without a step, placed by the time at which they were written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tuneguard.storage.system_metrics import is_system_metric
from tuneguard.storage.written import FloatArray, Written

_FEWEST = 3


def place_by_time(histories: Mapping[str, Written]) -> tuple[dict[str, Written], list[str]]:
    """Give steps to metrics of which all points lie at one step.

    Where another metric has steps, its clock says which of them was reached. Where none has, the
    points of the longest are counted in the order in which they were written. What was written
    within the same millisecond has no order: such a metric is left as it is. So is one that
    only repeats what another metric holds with its steps.

    Args:
        histories: All metrics of a run by key.

    Returns:
        The same metrics, and what a person should know about their steps.
    """
    stepless = {key: one for key, one in histories.items() if _can_be_placed(key, one)}
    stepped = {
        key: one
        for key, one in histories.items()
        if not is_system_metric(key) and len(np.unique(one.steps)) > 1
    }
    repeated = {key for key, one in stepless.items() if _is_repeated(one, stepped)}
    stepless = {key: one for key, one in stepless.items() if key not in repeated}
    if not stepless:
        return {key: one for key, one in histories.items() if key not in repeated}, []
    names = ", ".join(map(repr, sorted(stepless)[:5]))
    if stepped:
        clock = max(stepped.values(), key=lambda one: len(one.steps))
        how = "placed by their time among the steps of the others"
    else:
        longest = max(stepless.values(), key=lambda one: len(one.steps))
        clock = replace(longest, steps=np.arange(len(longest.steps), dtype=np.float64))
        how = "counted in the order in which they were written"
    placed = {key: replace(one, steps=_reached(one, clock)) for key, one in stepless.items()}
    left = {key: one for key, one in histories.items() if key not in repeated}
    return left | placed, [f"All points of {names} lie at one step: they were {how}."]


def _reached(points: Written, clock: Written) -> FloatArray:
    """Return the steps that were reached when points were written, whole where that is enough."""
    steps = np.interp(points.timestamps, clock.timestamps, clock.steps)
    whole = np.round(steps)
    return whole if len(np.unique(whole)) == len(whole) else steps


def _can_be_placed(key: str, points: Written) -> bool:
    is_apart = len(np.unique(points.timestamps)) == len(points.timestamps)
    is_stepless = len(points.steps) >= _FEWEST and len(np.unique(points.steps)) == 1
    return is_stepless and is_apart and not is_system_metric(key)


def _is_repeated(points: Written, others: Mapping[str, Written]) -> bool:
    return any(
        np.array_equal(points.values, one.values, equal_nan=True) for one in others.values()
    )
