"""A picture as a matplotlib figure, readable on white and on near-black."""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from tuneguard.findings import Line, Picture, View
from tuneguard.reports.curves import Gap, Panel, drawable, gaps_of, panels_of
from tuneguard.reports.framing import Frame, beyond, frame_of
from tuneguard.reports.untrusted import clipped, clipped_in_the_middle
from tuneguard.reports.wording import number

# Mid-tones: each has a contrast of at least 3.8 on white and on near-black, and the order keeps
# neighbours apart for colour-blind eyes.
_COLORS: Final = ("#1f7fc4", "#cf5a12", "#00916e", "#b35fa3", "#997a00", "#767676")
_STROKES: Final[tuple[Any, ...]] = ("-", (0, (6, 2)), (0, (2, 1.2)), (0, (8, 2, 2, 2)))
_INK: Final = "#7a7a7a"
_GUILTY: Final = "#cf5a12"

_WIDTH: Final = 7.0
_HEIGHT_ALONE: Final = 3.1
_HEIGHT_STACKED: Final = 2.1
_LEGEND_ROW: Final = 0.23
_NAME_LENGTH: Final = 60
_WORD_LENGTH: Final = 40
_FEW_POINTS: Final = 40
_HAIR_SPACE: Final = "\u200a"
_TOP_EDGE: Final = 0.97
_LABEL_ROW: Final = 0.1
_LABEL_ROWS: Final = 5
_LETTER: Final = 0.017
_GAP_ROW: Final = 0.035
_GAP_ROWS: Final = 3

SETTINGS: Final[dict[str, Any]] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 11,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "path.simplify": False,
}
"""Settings of matplotlib under which a figure must be built and written."""


class _Label(NamedTuple):
    """A word beside a step."""

    step: float
    word: str
    color: str


def figure_of(picture: Picture) -> Figure:
    """Return the drawing of `picture`: its panels below each other over one axis of steps."""
    panels = panels_of(picture)
    heights = [_height(panel, is_alone=len(panels) == 1) for panel in panels]
    figure = Figure(figsize=(_WIDTH, sum(heights)), layout="constrained")
    figure.patch.set_alpha(0)
    grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)
    drawn = 0
    for axes, panel in zip(grid[:, 0], panels, strict=True):
        _draw_panel(axes, panel, picture.view, first_style=drawn)
        drawn += len(panel.lines)
    last: Axes = grid[-1, 0]
    last.set_xlabel(axis_label(picture))
    last.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    last.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    return figure


def axis_label(picture: Picture) -> str:
    """Return what the horizontal axis counts."""
    return "epoch" if picture.axis == "epoch" else "optimizer step"


def _height(panel: Panel, *, is_alone: bool) -> float:
    rows = math.ceil(len(panel.lines) / _legend_columns(panel))
    return (_HEIGHT_ALONE if is_alone else _HEIGHT_STACKED) + _LEGEND_ROW * rows


def _draw_panel(axes: Axes, panel: Panel, view: View, first_style: int) -> None:
    axes.patch.set_alpha(0)
    axes.grid(axis="y", color=_INK, alpha=0.25, linewidth=0.6)
    axes.margins(x=0.02, y=0.12)
    labels = []
    for position, line in enumerate(panel.lines, start=first_style):
        labels += _draw_line(axes, line, position)
    if view.span and all(map(math.isfinite, view.span)):
        axes.axvspan(*view.span, color=_GUILTY, alpha=0.15, linewidth=0)
    if panel.threshold is not None:
        _draw_threshold(axes, panel.threshold)
    _scale(axes, panel)
    frame = frame_of(panel, view.span)
    if frame is not None:
        axes.set_ylim(frame.low, frame.high)
        labels += _beyond(panel, frame, first_style)
    is_first = first_style == 0
    _write(axes, [*labels, *(_draw_marks(axes, view) if is_first else ())])
    if panel.lines:
        _draw_legend(axes, _legend_columns(panel))


def _draw_line(axes: Axes, line: Line, position: int) -> list[_Label]:
    """Draw one line, with what is not finite at the top edge; return what to write there."""
    color = _COLORS[position % len(_COLORS)]
    steps, values = drawable(line)
    dotted = _dotted(values)
    axes.plot(
        steps,
        values,
        color=color,
        linestyle=_STROKES[position % len(_STROKES)],
        linewidth=1.8,
        marker="o" if dotted else "",
        markevery=dotted,
        markersize=3.5,
        label=_legend_name(line.metric),
    )
    height = _TOP_EDGE - _GAP_ROW * (position % _GAP_ROWS)
    return _draw_gaps(axes, gaps_of(line), height, color)


def _dotted(values: list[float]) -> list[int]:
    """Return which points need a dot: all of a few, else those that no line reaches."""
    if len(values) <= _FEW_POINTS:
        return list(range(len(values)))
    around = [math.nan, *values, math.nan]
    return [
        at
        for at, (before, _, after) in enumerate(zip(around, values, around[2:], strict=False))
        if math.isnan(before) and math.isnan(after)
    ]


def _draw_gaps(axes: Axes, gaps: list[Gap], height: float, color: str) -> list[_Label]:
    at_top = axes.get_xaxis_transform()
    steps = [step for gap in gaps for step in (*gap.steps, math.nan)]
    axes.plot(steps, [height] * len(steps), transform=at_top, color=color, linewidth=2.5)
    firsts: dict[str, float] = {}
    for gap in gaps:
        firsts.setdefault(gap.word, gap.steps[0])
    for step in firsts.values():
        axes.plot(step, height, "X", transform=at_top, color=color, markersize=8)
    return [_Label(step, word, color) for word, step in firsts.items()]


def _beyond(panel: Panel, frame: Frame, first_style: int) -> list[_Label]:
    """Say how far a line goes outside of the frame."""
    return [
        _Label(step, text, _COLORS[position % len(_COLORS)])
        for position, line in enumerate(panel.lines, start=first_style)
        for step, text in beyond(line, frame)
    ]


def _legend_name(metric: str) -> str:
    """Name a line; without a name, or with one that begins with `_`, a legend leaves it out."""
    name = clipped_in_the_middle(metric, _NAME_LENGTH)
    return f"{_HAIR_SPACE}{name}" if name[:1] in {"", "_"} else name


def _legend_columns(panel: Panel) -> int:
    longest = max((len(line.metric) for line in panel.lines), default=0)
    return 2 if longest <= _NAME_LENGTH // 2 else 1


def _draw_legend(axes: Axes, columns: int) -> None:
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=columns,
        frameon=False,
        borderaxespad=0.2,
        handlelength=2.6,
    )


def _draw_threshold(axes: Axes, threshold: float) -> None:
    axes.axhline(threshold, color=_INK, linestyle=(0, (4, 3)), linewidth=1.4)
    axes.annotate(
        f"limit {number(threshold)}",
        (1, threshold),
        xycoords=axes.get_yaxis_transform(),
        xytext=(4, 0),
        textcoords="offset points",
        verticalalignment="center",
    )


def _draw_marks(axes: Axes, view: View) -> list[_Label]:
    marks = [mark for mark in view.marks if math.isfinite(mark[0])]
    for step, _ in marks:
        axes.axvline(step, color=_INK, linewidth=1.2)
    return [_Label(step, clipped(word, _WORD_LENGTH), _INK) for step, word in marks]


def _write(axes: Axes, labels: list[_Label]) -> None:
    """Write each label beside its step, on the side that has room, below its neighbour."""
    first, last = axes.get_xlim()
    for rank, label in enumerate(sorted(labels)):
        room = (last - label.step) / (last - first)
        is_late = room < _LETTER * len(label.word)
        axes.annotate(
            label.word,
            (label.step, _TOP_EDGE - _LABEL_ROW * (1 + rank % _LABEL_ROWS)),
            xycoords=axes.get_xaxis_transform(),
            xytext=(-5 if is_late else 5, 0),
            textcoords="offset points",
            horizontalalignment="right" if is_late else "left",
            verticalalignment="center",
            color=label.color,
        )


def _scale(axes: Axes, panel: Panel) -> None:
    if panel.log_scale:
        axes.set_yscale("log")
        axes.yaxis.set_minor_formatter(NullFormatter())
    low, high = axes.get_ylim()
    if panel.log_scale and high >= 10 * low:
        between = (1, 2, 5) if high < 100 * low else (1,)
        axes.yaxis.set_major_locator(LogLocator(subs=between, numticks=7))
    else:
        axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
