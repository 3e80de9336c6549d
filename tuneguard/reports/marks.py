"""Marked steps: their words stand above a drawing, where they hide nothing of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.transforms import Transform, offset_copy

from tuneguard.reports.untrusted import clipped

MARK_ROW: Final = 16.0
"""Height of a row of words, in points."""

_INK: Final = "#7a7a7a"
_LINE: Final[dict[str, Any]] = {
    "arrowstyle": "-",
    "color": _INK,
    "linewidth": 1.2,
    "shrinkA": 0,
    "shrinkB": 0,
}
_WORD_LENGTH: Final = 40


def name_marks(axes: Axes, marks: Sequence[tuple[float, str]], size: float = 11) -> int:
    """Write the word of each marked step above the axes, and lead a line to it.

    Args:
        axes: Their limits must be set.
        marks: Finite steps, with a word for each.
        size: Of the letters, in points.

    Returns:
        How many rows the words take.
    """
    first, last = axes.get_xlim()
    middle = (first + last) / 2
    shown = [(step, word) for step, word in marks if first <= step <= last]
    place: dict[str, Any] = {
        "xycoords": axes.get_xaxis_transform(),
        "textcoords": "offset points",
    }
    # the outer stand higher: a word that reaches inwards then crosses no other line
    for rank, (step, word) in enumerate(sorted(shown, key=lambda mark: abs(mark[0] - middle))):
        height = MARK_ROW * (rank + 0.55)
        axes.annotate("", (step, 1), xytext=(0, height + 5), arrowprops=_LINE, **place)
        is_late = step > middle
        axes.annotate(
            clipped(word, _WORD_LENGTH),
            (step, 1),
            xytext=(-5 if is_late else 5, height),
            horizontalalignment="right" if is_late else "left",
            verticalalignment="center",
            fontsize=size,
            **place,
        )
    return len(shown)


def above(axes: Axes, rows: int) -> Transform:
    """Return the place of what stands above so many rows of words."""
    figure: Any = axes.get_figure()
    return offset_copy(axes.transAxes, figure, y=rows * MARK_ROW, units="points")
