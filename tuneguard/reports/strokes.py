"""Lines of a picture: told apart without colour, and broken where values are not finite."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from matplotlib.axes import Axes

from tuneguard.findings import Line
from tuneguard.reports.curves import Gap, drawable, gaps_of
from tuneguard.reports.untrusted import clipped_in_the_middle

# Mid-tones: each has a contrast of at least 3.8 on white and on near-black, and the order keeps
# neighbours apart for colour-blind eyes.
_COLORS: Final = ("#1f7fc4", "#cf5a12", "#00916e", "#b35fa3", "#997a00", "#767676")
_STROKES: Final[tuple[Any, ...]] = ("-", (0, (6, 2)), (0, (2, 1.2)), (0, (8, 2, 2, 2)))
# A line of many points is too rough for dashes: it carries a shape here and there instead.
_SHAPES: Final = ("o", "s", "^", "D", "v", "P")
_DENSE: Final = 120
_SHAPES_IN_A_LINE: Final = 9
_FEW_POINTS: Final = 40
_HAIR_SPACE: Final = "\u200a"
_GAP_ROW: Final = 0.035
_GAP_ROWS: Final = 3

NAME_LENGTH: Final = 60
TOP_EDGE: Final = 0.97


class Label(NamedTuple):
    """A word beside a step."""

    step: float
    word: str
    color: str


def color_of(position: int) -> str:
    """Return the colour of the line at `position` of a picture."""
    return _COLORS[position % len(_COLORS)]


def draw_line(axes: Axes, line: Line, position: int, *, is_first: bool) -> list[Label]:
    """Draw one line, with what is not finite at the top edge; return what to write there.

    Args:
        axes: Where to draw.
        line: What to draw.
        position: Which line of the picture it is.
        is_first: Whether it is the first on these axes, which needs no shape to be told apart.
    """
    color = color_of(position)
    steps, values = drawable(line)
    is_dense = len(values) > _DENSE
    dotted = _dotted(values)
    if is_dense and not is_first:
        dotted = sorted({*dotted, *_spaced(values, position)})
    axes.plot(
        steps,
        values,
        color=color,
        linestyle="-" if is_dense else _STROKES[position % len(_STROKES)],
        linewidth=1.3 if is_dense else 1.8,
        marker=_SHAPES[position % len(_SHAPES)] if dotted else "",
        markevery=dotted,
        markersize=4.5 if is_dense else 3.5,
        label=_legend_name(line.metric),
    )
    height = TOP_EDGE - _GAP_ROW * (position % _GAP_ROWS)
    return _draw_gaps(axes, gaps_of(line), height, color)


def _dotted(values: Sequence[float]) -> list[int]:
    """Return which points need a dot: all of a few, else those that no line reaches."""
    if len(values) <= _FEW_POINTS:
        return list(range(len(values)))
    around = [math.nan, *values, math.nan]
    return [
        at
        for at, (before, _, after) in enumerate(zip(around, values, around[2:], strict=False))
        if math.isnan(before) and math.isnan(after)
    ]


def _spaced(values: Sequence[float], position: int) -> list[int]:
    """Return points far from each other, and beside those of the lines at other positions."""
    finite = [at for at, value in enumerate(values) if not math.isnan(value)]
    stride = max(1, len(finite) // _SHAPES_IN_A_LINE)
    offset = stride * (position % len(_SHAPES)) // len(_SHAPES)
    return finite[offset::stride]


def _draw_gaps(axes: Axes, gaps: Sequence[Gap], height: float, color: str) -> list[Label]:
    if not gaps:
        return []
    at_top = axes.get_xaxis_transform()
    steps = [step for gap in gaps for step in (*gap.steps, math.nan)]
    axes.plot(steps, [height] * len(steps), transform=at_top, color=color, linewidth=2.5)
    first = gaps[0].steps[0]
    axes.plot(first, height, "X", transform=at_top, color=color, markersize=8)
    words = dict.fromkeys(gap.word for gap in gaps)
    return [Label(first, ", then ".join(words), color)]


def _legend_name(metric: str) -> str:
    """Name a line; without a name, or with one that begins with `_`, a legend leaves it out."""
    name = clipped_in_the_middle(metric, NAME_LENGTH)
    return f"{_HAIR_SPACE}{name}" if name[:1] in {"", "_"} else name
