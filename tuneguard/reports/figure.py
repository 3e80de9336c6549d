"""A picture as a matplotlib figure, readable on white and on near-black."""

from __future__ import annotations

import math
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tuneguard.findings import Picture, View
from tuneguard.reports.curves import Panel, panels_of
from tuneguard.reports.framing import Frame, beyond, frame_of
from tuneguard.reports.marks import MARK_ROW, above, name_marks
from tuneguard.reports.scales import axis_label, scale_steps, scale_values
from tuneguard.reports.strokes import TOP_EDGE, Label, color_of, draw_line
from tuneguard.reports.wording import number

_INK: Final = "#7a7a7a"
_GUILTY: Final = "#cf5a12"

_WIDTH: Final = 7.0
_HEIGHT_ALONE: Final = 3.1
_HEIGHT_STACKED: Final = 2.1
_LEGEND_ROW: Final = 0.23
_SHORT_NAME: Final = 22
_GROWTH: Final = 0.2
_LABEL_ROW: Final = 0.1
_LABEL_ROWS: Final = 5
_LETTER: Final = 0.017

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


def figure_of(picture: Picture) -> Figure:
    """Return the drawing of `picture`: its panels below each other over one axis of steps."""
    panels = panels_of(picture)
    heights = [_height(panel, is_alone=len(panels) == 1) for panel in panels]
    heights[0] += MARK_ROW * len(picture.view.marks) / 72
    figure = Figure(figsize=(_WIDTH, sum(heights)), layout="constrained")
    figure.patch.set_alpha(0)
    grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)
    drawn = 0
    for axes, panel in zip(grid[:, 0], panels, strict=True):
        _draw_panel(axes, panel, picture.view, first_style=drawn)
        drawn += len(panel.lines)
    last: Axes = grid[-1, 0]
    scale_steps(last, axis_label(picture.axis))
    return figure


def _height(panel: Panel, *, is_alone: bool) -> float:
    rows = math.ceil(len(panel.lines) / _legend_columns(panel))
    return (_HEIGHT_ALONE if is_alone else _HEIGHT_STACKED) + _LEGEND_ROW * rows


def _draw_panel(axes: Axes, panel: Panel, view: View, first_style: int) -> None:
    axes.patch.set_alpha(0)
    axes.grid(axis="y", color=_INK, alpha=0.25, linewidth=0.6)
    axes.margins(x=0.02, y=0.12)
    labels = []
    for position, line in enumerate(panel.lines, start=first_style):
        labels += draw_line(axes, line, position, is_first=position == first_style)
    if view.span and all(map(math.isfinite, view.span)):
        axes.axvspan(*view.span, color=_GUILTY, alpha=0.15, linewidth=0, zorder=0)
    if panel.threshold is not None:
        _draw_threshold(axes, panel.threshold)
    scale_values(axes, log_scale=panel.log_scale)
    frame = frame_of(panel, view.span)
    if frame is not None:
        axes.set_ylim(frame.low, frame.high)
        labels += _beyond(panel, frame, first_style)
    marks = [mark for mark in view.marks if math.isfinite(mark[0])]
    for step, _ in marks:
        axes.axvline(step, color=_INK, linewidth=1.2, zorder=1)  # a spike is drawn over its mark
    rows = name_marks(axes, marks) if first_style == 0 else 0
    _write(axes, labels)
    if panel.lines:
        _draw_legend(axes, panel, rows)


def _beyond(panel: Panel, frame: Frame, first_style: int) -> list[Label]:
    """Say how far a line goes outside of the frame."""
    return [
        Label(step, text, color_of(position))
        for position, line in enumerate(panel.lines, start=first_style)
        for step, text in beyond(line, frame)
    ]


def _legend_columns(panel: Panel) -> int:
    return 2 if _longest_name(panel) <= _SHORT_NAME else 1


def _longest_name(panel: Panel) -> int:
    return max((len(line.metric) for line in panel.lines), default=0)


def _draw_legend(axes: Axes, panel: Panel, rows: int) -> None:
    """Name the lines above the marks, with room for the larger letters of a small screen."""
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        bbox_transform=above(axes, rows),
        ncols=_legend_columns(panel),
        columnspacing=2 + _GROWTH * _longest_name(panel),
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


def _write(axes: Axes, labels: list[Label]) -> None:
    """Write each label beside its step, on the side that has room, below its neighbour."""
    first, last = axes.get_xlim()
    for rank, label in enumerate(sorted(labels)):
        room = (last - label.step) / (last - first)
        is_late = room < _LETTER * len(label.word)
        axes.annotate(
            label.word,
            (label.step, TOP_EDGE - _LABEL_ROW * (1 + rank % _LABEL_ROWS)),
            xycoords=axes.get_xaxis_transform(),
            xytext=(-5 if is_late else 5, 0),
            textcoords="offset points",
            horizontalalignment="right" if is_late else "left",
            verticalalignment="center",
            color=label.color,
        )
