"""MLflow's system metrics, moved from their own count of samples to the steps of the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tuneguard.storage.written import Written

SYSTEM_PREFIX = "system/"


def is_system_metric(key: str) -> bool:
    """Whether MLflow's own monitor of the machine writes under `key`."""
    return key.startswith(SYSTEM_PREFIX)


def count_in_steps(histories: Mapping[str, Written]) -> dict[str, Written]:
    """Place system metrics between the steps during which they were sampled.

    The monitor counts its samples; only the clock tells which step was running.

    Args:
        histories: All metrics of a run by key. The longest that is not a system metric says
            when each step was reached; without one, nothing changes.

    Returns:
        The same metrics, counted in steps.
    """
    clocks = [one for key, one in histories.items() if not is_system_metric(key)]
    clock = max(clocks, key=lambda one: len(one.steps), default=None)
    if clock is None or len(clock.steps) == 0:
        return dict(histories)
    return {
        key: replace(one, steps=np.interp(one.timestamps, clock.timestamps, clock.steps))
        if is_system_metric(key)
        else one
        for key, one in histories.items()
    }
