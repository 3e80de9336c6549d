"""What reports draw of a run: its series, reduced to the few hundred points of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from tuneguard.findings import Finding, Line, Picture, View
from tuneguard.history import Axis, Role, RunHistory, Series
from tuneguard.statistics.curve import course
from tuneguard.statistics.decimation import decimate

FloatArray = NDArray[np.float64]

_POINTS: Final = 400
_MARKS: Final = 3
_LOSSES: Final = (Role.TRAIN_LOSS, Role.TRAIN_EVALUATION_LOSS, Role.VALIDATION_LOSS)
_WIDE_RATIO: Final = 20.0
_USUAL_PERCENTS: Final = (2.0, 98.0)


def picture_of(view: View, history: RunHistory) -> Picture:
    """Return the picture that a rule asks for.

    Args:
        view: What it shows; its steps count what the first of its series counts.
        history: What happened in the run.

    Raises:
        KeyError: The history has no such series.
        IndexError: The view names no series.
    """
    shown = [history.series[key] for key in view.metrics]
    first = shown[0]
    return Picture(view, tuple(_line(one, first) for one in shown), axis_word(first))


def overview(history: RunHistory, findings: Sequence[Finding] = ()) -> Picture | None:
    """Return the course of a whole run: its losses and its learning rate.

    Args:
        history: What happened in the run.
        findings: Their first steps are marked; without any, the best validation is.

    Returns:
        The picture, or `None` for a run without a loss.
    """
    roles = (*_LOSSES, Role.LEARNING_RATE)
    found = {role: one for role in roles if (one := history.get(role)) is not None and len(one)}
    losses = [found[role] for role in _LOSSES if role in found]
    if not losses:
        return None
    marks = marks_of(findings, axis_word(losses[0]))
    validation = found.get(Role.VALIDATION_LOSS)
    if not findings and validation is not None:
        marks = _best(validation, losses[0])
    view = View(
        tuple(history.roles[role] for role in found),
        marks=marks,
        log_scale=all(map(_is_positive, losses)) and any(map(_is_wide, losses)),
    )
    return picture_of(view, history)


def marks_of(
    findings: Sequence[Finding], axis: Literal["step", "epoch"]
) -> tuple[tuple[float, str], ...]:
    """Return the first steps of the likeliest causes, each with the name of its rule.

    Args:
        findings: Causes, most likely first; one whose steps count something else is left out.
        axis: What the picture's steps count.
    """
    return tuple(
        (finding.first_step, finding.rule)
        for finding in findings[:_MARKS]
        if finding.picture is not None and finding.picture.axis == axis
    )


def axis_word(series: Series) -> Literal["step", "epoch"]:
    """Return what the steps of a series count."""
    return "epoch" if series.axis is Axis.EPOCH else "step"


def _line(series: Series, first: Series) -> Line:
    steps, values = decimate(_counted_as(series, first), series.values, _POINTS)
    return Line(series.key, tuple(steps.tolist()), tuple(values.tolist()))


def _counted_as(series: Series, other: Series) -> FloatArray:
    """Return the steps of `series` in what `other` counts: epochs find their place in steps."""
    if series.axis is other.axis or len(other) < 2:
        return series.steps
    per_run = (other.steps[-1] - other.steps[0]) / (other.positions[-1] - other.positions[0])
    steps: FloatArray = other.steps[-1] + per_run * (series.positions - other.positions[-1])
    return steps


def _best(validation: Series, first: Series) -> tuple[tuple[float, str], ...]:
    curve = course(validation)
    if curve is None:
        return ()
    best = int(np.searchsorted(validation.steps, curve.best_step))
    return ((float(_counted_as(validation, first)[best]), "best validation"),)


def _is_positive(series: Series) -> bool:
    return bool((series.finite().values > 0).all())


def _is_wide(series: Series) -> bool:
    """Whether a linear axis would flatten most of what happened."""
    finite = series.finite().values
    low, high = np.percentile(finite, _USUAL_PERCENTS) if len(finite) else (1.0, 1.0)
    return bool(high >= _WIDE_RATIO * low)
