"""A finished run as it was known while it went on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from tuneguard.history import Axis, RunHistory, Sampling, Series
from tuneguard.history.axes import place_on_axes

FIRST_LOOK = 100
GROWTH = 1.25


def until(history: RunHistory, step: float) -> RunHistory:
    """Return what was known of a run when it had come as far as `step`.

    Series on another axis than that of `step` are cut at the same share of the run. Positions
    are those in what is known: 1 is the present. Roles are those of the whole run, where their
    series had begun.

    Args:
        history: The run at its end.
        step: On the axis of `history.last_step`.

    Returns:
        The run with `status="running"`, planned to go as far as it went.

    >>> run = RunHistory.from_series({"train_loss": [(1, 3.0), (2, 2.0), (3, 1.0)]})
    >>> early = until(run, 2)
    >>> early.series["train_loss"].values.tolist(), early.status, early.planned_steps
    ([3.0, 2.0], 'running', 3)
    """
    axis = _main_axis(history)
    position = _position_of(history, axis, step)
    known = {key: _cut(one, axis, step, position) for key, one in history.series.items()}
    begun = _placed({key: one for key, one in known.items() if len(one)})
    planned = history.planned_steps or int(history.last_step) or None
    return replace(
        history,
        series=begun,
        roles={role: key for role, key in history.roles.items() if key in begun},
        metrics=tuple(one for one in history.metrics if one.key in begun),
        status="running",
        planned_steps=planned,
    )


def looks(
    history: RunHistory, first: float = FIRST_LOOK, growth: float = GROWTH
) -> Iterator[RunHistory]:
    """Return a finished run as it was at successive looks, and at last as it is.

    Args:
        history: The run at its end.
        first: Step of the first look; of a run of fewer points, a tenth of it.
        growth: How many times as far the run has come at each further look.
    """
    step = min(first, 0.1 * history.last_step)
    while 0.0 < step < history.last_step:
        yield until(history, step)
        step *= growth
    yield history


def _main_axis(history: RunHistory) -> Axis:
    has_steps = any(one.axis is Axis.STEP and len(one) for one in history.series.values())
    return Axis.STEP if has_steps else Axis.EPOCH


def _position_of(history: RunHistory, axis: Axis, step: float) -> float:
    """Return which share of the run lies before the first point beyond `step`."""
    own = [one for one in history.series.values() if one.axis is axis and len(one)]
    if not own:
        return 1.0
    longest = max(own, key=lambda one: float(one.steps[-1]))
    return float(np.interp(step, longest.steps, longest.positions))


def _cut(series: Series, axis: Axis, step: float, position: float) -> Series:
    known = series.steps <= step if series.axis is axis else series.positions <= position
    is_thinned = series.sampling is Sampling.THINNED
    part = Series.from_arrays(
        series.key, series.steps[known], series.values[known], axis=series.axis, thinned=is_thinned
    )
    rewound = tuple(at for at in series.rewound_at if len(part) and at <= part.steps[-1])
    return replace(part, rewound_at=rewound)


def _placed(series: dict[str, Series]) -> dict[str, Series]:
    """Say how far into what is known each point lies; the axes are known already."""
    placed: dict[str, Series] = {}
    for axis in Axis:
        own = {key: one for key, one in series.items() if one.axis is axis}
        placed.update(place_on_axes(own, axis=axis))
    return {key: placed[key] for key in series}
