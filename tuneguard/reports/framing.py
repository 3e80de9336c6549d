"""Which part of the vertical axis shows the evidence, and what that leaves outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tuneguard.findings import Line
from tuneguard.reports.curves import Panel, finite_points
from tuneguard.reports.wording import number

_SMALLEST_SHARE: Final = 0.25
_NEAR_MARGIN: Final = 0.2
_FAR_MARGIN: Final = 0.75


@dataclass(frozen=True, slots=True)
class Frame:
    """Limits of a vertical axis."""

    low: float
    high: float


def frame_of(panel: Panel, span: tuple[float, float] | None) -> Frame | None:
    """Return limits that keep the guilty span readable, or `None` where all values do.

    The first steps of a run often dwarf what happened later: a rise by a tenth cannot be seen
    below a fall by a hundred.
    """
    points = [point for line in panel.lines for point in finite_points(line)]
    if span is None or panel.log_scale:
        return None
    values = [value for _, value in points]
    guilty = [value for step, value in points if span[0] <= step <= span[1]]
    if panel.threshold is not None:
        guilty.append(panel.threshold)
    height = max(guilty, default=0.0) - min(guilty, default=0.0)
    if height <= 0 or height >= _SMALLEST_SHARE * (max(values) - min(values)):
        return None
    near, far = _NEAR_MARGIN * height, _FAR_MARGIN * height
    return Frame(
        max(min(guilty) - far, min(values) - near), min(max(guilty) + far, max(values) + near)
    )


def beyond(line: Line, frame: Frame) -> list[tuple[float, str]]:
    """Return the extremes of `line` that a frame leaves outside: their steps, and how to say it.

    >>> beyond(Line("loss", (1, 2, 3), (9.0, 0.5, 0.6)), Frame(0.0, 1.0))
    [(1, '↑ 9')]
    """
    points = finite_points(line)
    if not points:
        return []
    lowest = min(points, key=lambda point: point[1])
    highest = max(points, key=lambda point: point[1])
    outside = []
    if highest[1] > frame.high:
        outside.append((highest[0], f"↑ {number(highest[1])}"))
    if lowest[1] < frame.low:
        outside.append((lowest[0], f"↓ {number(lowest[1])}"))
    return outside
