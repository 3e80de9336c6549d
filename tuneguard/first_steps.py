"""What the first steps of a run were like."""

from __future__ import annotations

import numpy as np

from tuneguard import keys
from tuneguard.findings import Evidence
from tuneguard.history import Role, RunHistory

FIRST_STEPS = 20
_FEWEST_NORMS = 5
_LAST_NORMS = 3


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


def weight_growth(history: RunHistory, threshold: float) -> Evidence | None:
    """Return how many times as large the weights ended as they began, where recorded.

    Their norm is that of an update over the update's share of it. Weights that an initialisation
    made as large as the signal needs grow a little; those that it made too small grow severalfold
    before anything is learned.

    Args:
        history: The run.
        threshold: What the evidence is held against.
    """
    ratio = history.get(Role.UPDATE_RATIO)
    update = history.series.get(keys.UPDATE_NORM_GLOBAL)
    if ratio is None or update is None:
        return None
    steps, of_ratio, of_update = np.intersect1d(ratio.steps, update.steps, return_indices=True)
    shares, lengths = ratio.values[of_ratio], update.values[of_update]
    usable = np.isfinite(shares) & np.isfinite(lengths) & (shares > 0.0) & (lengths > 0.0)
    norms, steps = lengths[usable] / shares[usable], steps[usable]
    if len(norms) < _FEWEST_NORMS:
        return None
    return Evidence(
        update.key,
        "norm of all weights at the end over that at the start",
        float(np.median(norms[-_LAST_NORMS:]) / norms[0]),
        threshold,
        (float(steps[0]), float(steps[-1])),
    )
