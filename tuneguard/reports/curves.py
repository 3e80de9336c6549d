"""Which lines share a panel of a picture, and where a line has values that no axis can hold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from tuneguard import keys
from tuneguard.findings import Line, Picture

MAX_PANELS: Final = 3

_COMPARABLE: Final = 50.0
_QUANTITIES: Final = ("loss", "grad", keys.UPDATE_RATIO, keys.LEARNING_RATE)
_RUNAWAY: Final = 1000.0
_GUILTY_RUNAWAY: Final = 30.0
# Far beyond what training can mean, and far enough from the largest double for an axis' margins.
_LARGEST: Final = 1e150
_SMALLEST: Final = 1e-150


@dataclass(frozen=True, slots=True)
class Panel:
    """Lines that share a vertical axis.

    Attributes:
        lines: What to draw.
        threshold: Where to draw the limit, or `None`.
        log_scale: Whether the vertical axis is logarithmic.
    """

    lines: tuple[Line, ...]
    threshold: float | None
    log_scale: bool


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of a line whose values are not finite.

    Attributes:
        word: `NaN`, `inf` or `-inf`.
        steps: First and last step of the stretch.
    """

    word: str
    steps: tuple[float, float]


def panels_of(picture: Picture) -> tuple[Panel, ...]:
    """Group the lines by what they measure, and such that none is flattened by another."""
    view = picture.view
    groups: list[tuple[list[Line], bool]] = []
    for lines in _by_quantity(picture.lines) or [[]]:
        is_asked = view.log_scale and not groups
        log_scale = all(map(_is_positive, lines)) and (
            is_asked or any(_runs_away(line, view.span) for line in lines)
        )
        groups += [(one, log_scale) for one in ([lines] if log_scale else _comparable(lines))]
    kept = groups[:MAX_PANELS]
    for lines, log_scale in groups[MAX_PANELS:]:
        kept[-1] = (kept[-1][0] + lines, kept[-1][1] and log_scale)
    return tuple(
        Panel(
            tuple(lines), None if rank else _drawable_limit(view.threshold, log_scale), log_scale
        )
        for rank, (lines, log_scale) in enumerate(kept)
    )


def _by_quantity(lines: Sequence[Line]) -> list[list[Line]]:
    """Keep losses apart from gradient norms, whatever their values: their units differ."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        name = line.metric.lower()
        quantity = next((word for word in _QUANTITIES if word in name), "")
        groups.setdefault(quantity, []).append(line)
    return list(groups.values())


def _drawable_limit(threshold: float | None, log_scale: bool) -> float | None:
    if threshold is None or _gap_word(threshold) or (log_scale and threshold <= _SMALLEST):
        return None
    return threshold


def drawable(line: Line) -> tuple[list[float], list[float]]:
    """Return steps and values, with NaN where the line must be broken."""
    values = [value if not _gap_word(value) else math.nan for value in line.values]
    return list(line.steps), values


def finite_points(line: Line) -> list[tuple[float, float]]:
    """Return steps with their values, without what is not finite."""
    points = zip(line.steps, line.values, strict=True)
    return [(step, value) for step, value in points if not _gap_word(value)]


def gaps_of(line: Line) -> list[Gap]:
    """Return the stretches of `line` that are not finite, each of one kind.

    >>> gaps_of(Line("loss", (1, 2, 3), (0.5, math.nan, math.nan)))
    [Gap(word='NaN', steps=(2, 3))]
    """
    gaps = []
    points = zip(line.steps, line.values, strict=True)
    for word, stretch in groupby(points, key=lambda point: _gap_word(point[1])):
        steps = [step for step, _ in stretch]
        if word:
            gaps.append(Gap(word, (steps[0], steps[-1])))
    return gaps


def _comparable(lines: Sequence[Line]) -> list[list[Line]]:
    groups: list[list[Line]] = []
    for line in lines:
        home = next((group for group in groups if _fits(line, group)), None)
        if home is None:
            groups.append([line])
        else:
            home.append(line)
    return groups or [[]]


def _fits(line: Line, group: Sequence[Line]) -> bool:
    peaks = [peak for peak in map(_peak, (line, *group)) if peak > 0]
    return not peaks or max(peaks) <= _COMPARABLE * min(peaks)


def _peak(line: Line) -> float:
    return max((abs(value) for _, value in finite_points(line)), default=0.0)


def _is_positive(line: Line) -> bool:
    return all(value > _SMALLEST for _, value in finite_points(line))


def _runs_away(line: Line, span: tuple[float, float] | None) -> bool:
    """Whether a linear axis would show nothing of `line` but its largest values.

    What is large before the guilty span can be left outside of a frame; what is large in it not.
    """
    points = finite_points(line)
    usual = sorted(value for _, value in points)[len(points) // 2] if points else 0.0
    first, last = span or (-math.inf, math.inf)
    guilty = (value for step, value in points if first <= step <= last)
    peak = max((value for _, value in points), default=0.0)
    return peak > _RUNAWAY * usual or max(guilty, default=0.0) > _GUILTY_RUNAWAY * usual


def _gap_word(value: float) -> str:
    """Name a value that cannot be drawn; stores spell infinity as the largest double."""
    if math.isnan(value):
        return "NaN"
    if abs(value) < _LARGEST:
        return ""
    return "inf" if value > 0 else "-inf"
