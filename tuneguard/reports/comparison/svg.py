"""Both courses of a measure with their noise, as an SVG picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tuneguard.comparison.result import Band, BandPicture
from tuneguard.reports.scales import scale_steps, scale_values
from tuneguard.reports.sparkline import shared_limits
from tuneguard.reports.strokes import color_of
from tuneguard.reports.svg import drawn, name_of
from tuneguard.reports.untrusted import cleaned
from tuneguard.reports.wording import number

_SIZE: Final = (7.0, 3.3)
_STYLES: Final = ((0, (6, 2)), "-")
_MARGIN: Final = 0.1
_LARGEST: Final = 1e150


def draw(picture: BandPicture) -> str:
    """Return `picture` as an `<svg>` element, the same for the same picture."""
    picture = cleaned(picture)
    return drawn(
        lambda: _figure(picture),
        name_of(picture),
        title=picture.measure,
        description=describe(picture),
    )


def describe(picture: BandPicture) -> str:
    """Return in words what the picture shows."""
    what = "the range of the runs" if picture.several else "the noise of the points"
    ends = ", ".join(
        f"{band.label} ends at {number(band.centre[-1])}" for band in picture.bands if band.centre
    )
    span = ""
    if picture.span is not None:
        first, last = (number(end) for end in picture.span)
        span = f" Shaded: what was compared of the runs before, {first} to {last}."
    return f"{picture.measure} over {picture.axis}s; {ends}. Bands: {what}.{span}"


def _figure(picture: BandPicture) -> Figure:
    figure = Figure(figsize=_SIZE, layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.subplots()
    axes.patch.set_alpha(0)
    axes.grid(axis="y", alpha=0.25, linewidth=0.6)
    for position, band in enumerate(picture.bands):
        _draw_band(axes, band, position)
    if picture.span is not None:
        axes.axvspan(*picture.span, color="#7a7a7a", alpha=0.12, linewidth=0, zorder=0)
    _limit(axes, picture.bands)
    scale_values(axes, log_scale=False)
    scale_steps(axes, "optimizer step" if picture.axis == "step" else picture.axis)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
    return figure


def _draw_band(axes: Axes, band: Band, position: int) -> None:
    color = color_of(position)
    low, high = _drawable(band.low), _drawable(band.high)
    axes.fill_between(band.at, low, high, color=color, alpha=0.2, linewidth=0)
    axes.plot(
        band.at,
        _drawable(band.centre),
        color=color,
        linewidth=1.8,
        linestyle=_STYLES[position % len(_STYLES)],
        marker="os"[position % 2] if len(band.at) == 1 else "",
        label=band.label,
    )


def _drawable(values: Sequence[float]) -> list[float]:
    return [value if abs(value) < _LARGEST else math.nan for value in values]


def _limit(axes: Axes, bands: Sequence[Band]) -> None:
    """Keep a few wild points from flattening the rest."""
    low, high = shared_limits([_drawable(band.centre) for band in bands])
    ends = [value for band in bands for value in (band.low[-1], band.high[-1])]
    kept = [value for value in (low, high, *ends) if abs(value) < _LARGEST]
    margin = _MARGIN * (max(kept) - min(kept)) if kept else 0.0
    if margin > 0.0:
        axes.set_ylim(min(kept) - margin, max(kept) + margin)
