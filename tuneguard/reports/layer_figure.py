"""A heat map of layers as a matplotlib figure: a row for each layer, colours and signs in it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Final

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from tuneguard.findings import LayerMap
from tuneguard.reports.layer_scale import LEVELS, ColorScale, Sign, Stretch, stretches
from tuneguard.reports.layer_wording import short_names
from tuneguard.reports.marks import MARK_ROW, name_marks
from tuneguard.reports.scales import axis_label, scale_powers, scale_steps

_INK: Final = "#7a7a7a"
_ALARM: Final = "#c2410c"
_WIDTH: Final = 504.0
_ROW: Final = 15.0
_GAP: Final = 1.5
_RIGHT: Final = 16.0
_LETTERS: Final = 9.5
_AXIS: Final = 36.0
_LEGEND: Final = 52.0
_LETTER: Final = 6.4  # of the larger letters of a small screen
_OVERLAP: Final = 0.3
_SIGN_DISTANCE: Final = 14.0
# Viridis can be read by colour-blind eyes and in grey; its ends vanish on near-black and on white.
_MAP: Final = colormaps["viridis"]
_MAP_ENDS: Final = (0.06, 0.97)
_STYLES: Final[dict[Sign, dict[str, Any]]] = {
    "not finite": {"color": _ALARM, "marker": "x", "markeredgecolor": "white"},
    "0 or less": {"color": _INK, "marker": "o", "markeredgecolor": _INK, "linewidth": 1.0},
    "not measured": {"color": _INK, "linestyle": (0, (1, 3)), "linewidth": 1.2},
}


def layer_figure(layer_map: LayerMap) -> Figure:
    """Return the drawing of a map: marks above it, the axis and what colours mean below."""
    scale = ColorScale.of(layer_map)
    shown = stretches(layer_map, scale)
    names = short_names(layer_map.layers)
    left = 14 + _LETTER * max(map(len, names))
    top = 6 + MARK_ROW * len(layer_map.marks)
    body = _ROW * len(names)
    height = top + body + _AXIS + _LEGEND
    figure = Figure(figsize=(_WIDTH / 72, height / 72))
    figure.patch.set_alpha(0)
    width = _WIDTH - left - _RIGHT
    axes = figure.add_axes(_box(left, _AXIS + _LEGEND, width, body, height))
    _draw_rows(axes, layer_map, shown, width)
    _name_rows(axes, names)
    _draw_marks(axes, layer_map)
    scale_steps(axes, axis_label(layer_map.axis))
    if scale is not None:
        _draw_scale(figure.add_axes(_box(left, 34, width, 9, height)), scale)
    signs = [sign for sign in _STYLES if any(one.look == sign for one in shown)]
    if signs:
        _draw_legend(figure.add_axes(_box(left, 0, width, 12, height)), signs)
    return figure


def color(level: int) -> str:
    """Return the colour of a level of a `ColorScale`."""
    first, last = _MAP_ENDS
    return str(to_hex(_MAP(first + (last - first) * level / (LEVELS - 1))))


def _box(left: float, bottom: float, width: float, height: float, of: float) -> Any:
    """Return a place in points as matplotlib wants it: in shares of the figure."""
    return left / _WIDTH, bottom / of, width / _WIDTH, height / of


def _draw_rows(axes: Axes, layer_map: LayerMap, shown: Sequence[Stretch], width: float) -> None:
    first, last = layer_map.edges[0], layer_map.edges[-1]
    point = (last - first) / width
    axes.patch.set_alpha(0)
    axes.set_xlim(first, last)
    axes.set_ylim(len(layer_map.layers) - 0.5, -0.5)
    for look in dict.fromkeys(stretch.look for stretch in shown):
        spans = [
            (one.row, layer_map.edges[one.first], layer_map.edges[one.stop])
            for one in shown
            if one.look == look
        ]
        if isinstance(look, int):
            _draw_bands(axes, spans, color=color(look), overlap=_OVERLAP * point)
        else:
            _draw_signs(axes, spans, look, distance=_SIGN_DISTANCE * point)


def _draw_bands(
    axes: Axes, spans: Iterable[tuple[int, float, float]], *, overlap: float = 0.0, **style: Any
) -> None:
    """Draw stretches of rows; an overlap hides the seams between neighbours."""
    ends = [(row, first - overlap, last + overlap) for row, first, last in spans]
    steps = [step for _, first, last in ends for step in (first, last, math.nan)]
    rows = [row for row, _, _ in ends for _ in range(3)]
    style = {"linewidth": _ROW - _GAP, "solid_capstyle": "butt", **style}
    axes.plot(steps, rows, **style)


def _draw_signs(
    axes: Axes, spans: Sequence[tuple[int, float, float]], sign: Sign, distance: float
) -> None:
    line = {name: value for name, value in _STYLES[sign].items() if not name.startswith("marker")}
    _draw_bands(axes, spans, **line)
    if "marker" not in _STYLES[sign]:
        return
    places = [(row, step) for row, first, last in spans for step in _spread(first, last, distance)]
    axes.plot([step for _, step in places], [row for row, _ in places], **_marker(sign))


def _marker(sign: Sign) -> dict[str, Any]:
    style = {name: value for name, value in _STYLES[sign].items() if name.startswith("marker")}
    return {"linestyle": "", "markersize": 5, "markerfacecolor": "none", **style}


def _spread(first: float, last: float, distance: float) -> list[float]:
    """Return places for signs along a stretch, at least one."""
    count = max(1, int((last - first) / distance))
    return [first + (last - first) * (at + 0.5) / count for at in range(count)]


def _name_rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0, labelsize=_LETTERS)
    axes.tick_params(axis="x", labelsize=_LETTERS)
    axes.xaxis.label.set_fontsize(_LETTERS)
    axes.spines["left"].set_visible(False)


def _draw_marks(axes: Axes, layer_map: LayerMap) -> None:
    """Mark steps over all rows, in black on white: every colour of the map has both beside it."""
    for step, _ in layer_map.marks:
        axes.axvline(step, color="white", linewidth=3.2)
        axes.axvline(step, color="black", linewidth=1.4)
    name_marks(axes, layer_map.marks, size=_LETTERS)


def _draw_scale(axes: Axes, scale: ColorScale) -> None:
    low, high = scale.ends
    for level in range(LEVELS):
        edges = [low * (high / low) ** ((level + at) / LEVELS) for at in (0, 1)]
        axes.plot(edges, [0, 0], color=color(level), linewidth=18, solid_capstyle="butt")
    axes.set_xlim(low, high)
    scale_powers(axes)
    axes.patch.set_alpha(0)
    axes.set_yticks([])
    axes.tick_params(labelsize=_LETTERS)
    axes.spines[["left", "bottom"]].set_visible(False)


def _draw_legend(axes: Axes, signs: Sequence[Sign]) -> None:
    """Explain the signs."""
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.5, 0.5)
    for rank, sign in enumerate(signs):
        at = rank / 3
        span = (0, at, at + 0.08)
        _draw_signs(axes, [span], sign, distance=0.05)
        axes.annotate(
            sign,
            (at + 0.1, 0),
            verticalalignment="center",
            fontsize=_LETTERS,
        )
