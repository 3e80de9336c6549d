"""The evidence of a finding as an SVG picture."""

from __future__ import annotations

import hashlib
import io
import threading
import warnings
from collections.abc import Callable
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

from tuneguard.findings import LayerMap, Picture
from tuneguard.reports import layer_wording
from tuneguard.reports.curves import gaps_of
from tuneguard.reports.figure import SETTINGS, figure_of
from tuneguard.reports.layer_figure import layer_figure
from tuneguard.reports.scales import axis_label
from tuneguard.reports.untrusted import cleaned, clipped
from tuneguard.reports.vector import embeddable
from tuneguard.reports.wording import number, window

_NAMED_GAPS: Final = 3

# Settings of matplotlib belong to the whole process, and scans draw in several threads.
_drawing = threading.Lock()


def draw(picture: Picture, *, salt: str = "") -> str:
    """Return `picture` as an `<svg>` element, the same for the same arguments.

    Args:
        picture: What to draw.
        salt: Tells apart the ids of equal pictures on one page.
    """
    picture = cleaned(picture)
    metrics = ", ".join(line.metric for line in picture.lines) or "no points"
    return drawn(
        lambda: figure_of(picture),
        name_of(picture, salt),
        title=clipped(metrics, 200),
        description=describe(picture),
    )


def draw_layers(layer_map: LayerMap, *, salt: str = "") -> str:
    """Return a heat map as an `<svg>` element, the same for the same arguments.

    Args:
        layer_map: What to draw.
        salt: Tells apart the ids of equal pictures on one page.
    """
    layer_map = cleaned(layer_map)
    return drawn(
        lambda: layer_figure(layer_map),
        name_of(layer_map, salt),
        title=f"{clipped(layer_wording.quantity(layer_map), 200)} of the layers",
        description=describe_layers(layer_map),
    )


def describe(picture: Picture) -> str:
    """Return in words what the picture shows besides its lines."""
    view = picture.view
    sentences = [f"Horizontal axis: {axis_label(picture.axis)}."]
    if view.span:
        sentences.append(f"Shaded: {window(view.span, picture.axis)}.")
    if view.threshold is not None:
        sentences.append(f"Dashed line: the limit, {number(view.threshold)}.")
    sentences.extend(f"Marked: {word}, {picture.axis} {number(at)}." for at, word in view.marks)
    sentences.extend(
        f"{line.metric} was {gap.word} in {window(gap.steps, picture.axis)}."
        for line in picture.lines
        for gap in gaps_of(line)[:_NAMED_GAPS]
    )
    return " ".join(sentences)


def describe_layers(layer_map: LayerMap) -> str:
    """Return in words what a heat map shows: its axes, its colours, and what stands out."""
    standing_out = (layer_wording.extreme(one, layer_map.axis) for one in layer_map.extremes)
    return " ".join([*layer_wording.facts(layer_map), *standing_out])


def name_of(shown: object, salt: str = "") -> str:
    """Return the prefix of a picture's ids: the same for the same picture and salt."""
    return "picture-" + hashlib.sha256(f"{salt}{shown!r}".encode()).hexdigest()[:10]


def drawn(figure: Callable[[], Figure], name: str, *, title: str, description: str) -> str:
    """Return the figure that `figure` makes as an `<svg>` element.

    Args:
        figure: Called under the settings of all pictures, by one thread at a time.
        name: Prefix of its ids.
        title: Short name of the picture.
        description: What a person who cannot see it should know.
    """
    settings: Any = {"svg.hashsalt": name, **SETTINGS}
    written = io.StringIO()
    anonymous = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with _drawing, mpl.rc_context(settings), warnings.catch_warnings():
        # The viewer of the picture has fonts for scripts that matplotlib's own font lacks.
        warnings.filterwarnings("ignore", message="Glyph")
        figure().savefig(written, format="svg", metadata=anonymous)
    return embeddable(written.getvalue(), name=name, title=title, description=description)
