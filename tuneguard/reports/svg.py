"""The evidence of a finding as an SVG picture."""

from __future__ import annotations

import hashlib
import io
import threading
import warnings
from typing import Any, Final

import matplotlib as mpl

from tuneguard.findings import Picture
from tuneguard.reports.curves import gaps_of
from tuneguard.reports.figure import SETTINGS, axis_label, figure_of
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
    name = "picture-" + hashlib.sha256(f"{salt}{picture!r}".encode()).hexdigest()[:10]
    metrics = ", ".join(line.metric for line in picture.lines) or "no points"
    return embeddable(
        _written(picture, {"svg.hashsalt": name, **SETTINGS}),
        name=name,
        title=clipped(metrics, 200),
        description=describe(picture),
    )


def describe(picture: Picture) -> str:
    """Return in words what the picture shows besides its lines."""
    view = picture.view
    sentences = [f"Horizontal axis: {axis_label(picture)}."]
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


def _written(picture: Picture, settings: Any) -> str:
    written = io.StringIO()
    anonymous = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with _drawing, mpl.rc_context(settings), warnings.catch_warnings():
        # The viewer of the picture has fonts for scripts that matplotlib's own font lacks.
        warnings.filterwarnings("ignore", message="Glyph")
        figure_of(picture).savefig(written, format="svg", metadata=anonymous)
    return written.getvalue()
