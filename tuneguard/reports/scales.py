"""Axes of a picture: round ticks, and powers of ten the way a textbook writes them."""

from __future__ import annotations

from typing import Final

from matplotlib.axes import Axes
from matplotlib.ticker import (
    FuncFormatter,
    Locator,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
)

from tuneguard.reports.wording import number

_ROUND: Final = (1, 2, 2.5, 5, 10)
_SUPERSCRIPT: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_PLAIN: Final = (1e-3, 1e5)
# On a small screen a page shows the ticks in larger letters, which reach further to the left.
_ROOM_TO_GROW: Final = 14


def scale_values(axes: Axes, *, log_scale: bool) -> None:
    """Set up the vertical axis, once everything is drawn."""
    if log_scale:
        axes.set_yscale("log")
        axes.set_ylabel("log scale", labelpad=_ROOM_TO_GROW)
        axes.yaxis.set_minor_formatter(NullFormatter())
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(_locator(low, high, log_scale=log_scale))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))


def scale_powers(axes: Axes) -> None:
    """Set up a horizontal axis of powers, which explains colours."""
    axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_locator(_locator(*axes.get_xlim(), log_scale=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))


def axis_label(axis: str) -> str:
    """Return the words beside an axis that counts `step` or `epoch`."""
    return "epoch" if axis == "epoch" else "optimizer step"


def scale_steps(axes: Axes, label: str) -> None:
    """Set up the horizontal axis."""
    axes.set_xlabel(label)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=_ROUND))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))


def _locator(low: float, high: float, *, log_scale: bool) -> Locator:
    if not log_scale or high < 10 * low:
        return MaxNLocator(5, steps=_ROUND)
    return LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,), numticks=7)


def tick(value: float) -> str:
    """Return `value` as it stands beside an axis.

    >>> tick(0.25), tick(1e-6), tick(2e7)
    ('0.25', '10⁻⁶', '2·10⁷')
    """
    if not value or _PLAIN[0] <= abs(value) < _PLAIN[1]:
        return f"{value:g}"
    mantissa, _, exponent = f"{value:e}".partition("e")
    power = "10" + str(int(exponent)).translate(_SUPERSCRIPT)
    shown = f"{float(mantissa):g}"
    return power if shown == "1" else f"{shown}·{power}"
