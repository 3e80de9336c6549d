"""What the first steps of a run were like."""

from __future__ import annotations

from tuneguard.findings import Evidence
from tuneguard.history import Role, RunHistory

FIRST_STEPS = 20


def largest_first_update(history: RunHistory, threshold: float) -> Evidence | None:
    """Return the largest update of the first steps over the weights, where recorded.

    Where it is near 1, a step replaced the initialisation, and what the network is like later
    comes of the steps and not of how it began.

    Args:
        history: The run.
        threshold: What the evidence is held against.
    """
    series = history.get(Role.UPDATE_RATIO)
    first = series.where(series.steps < FIRST_STEPS).finite() if series is not None else None
    if first is None or len(first) == 0:
        return None
    return Evidence(
        first.key,
        f"largest update to weight ratio of the first {FIRST_STEPS} steps",
        float(first.values.max()),
        threshold,
        (float(first.steps[0]), float(first.steps[-1])),
    )
