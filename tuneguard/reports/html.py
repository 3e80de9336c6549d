"""A diagnosis as one self-contained page: no script, no font, no picture from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from tuneguard.diagnosis import Diagnosis
from tuneguard.findings import LayerMap, Picture
from tuneguard.reports import layer_wording, wording
from tuneguard.reports.pages import page_environment
from tuneguard.reports.svg import describe, draw, draw_layers
from tuneguard.reports.untrusted import cleaned
from tuneguard.version import __version__


def render_html(diagnosis: Diagnosis, *, links: Sequence[tuple[str, str]] = ()) -> str:
    """Return the whole diagnosis as an HTML page.

    Args:
        diagnosis: What to show.
        links: Words and address of each link above it, for a page that is part of a site.
    """
    page = _environment().get_template("report.html.j2")
    return page.render(diagnosis=cleaned(diagnosis), links=links, version=__version__)


@cache
def _environment() -> Environment:
    environment = page_environment()
    phrases: dict[str, Any] = {name: getattr(wording, name) for name in _PHRASES}
    environment.filters["breakable"] = _breakable
    environment.globals.update(phrases, describe=describe, svg=_svg, layers_svg=_layers_svg)
    environment.globals.update(quantity=layer_wording.quantity, facts=layer_wording.facts)
    return environment


_PHRASES = (
    "abstentions",
    "axis_word",
    "confidence",
    "explains",
    "headline",
    "number",
    "relation",
    "run_name",
    "since",
    "tally",
    "title",
    "window",
)


def _svg(picture: Picture, place: str) -> Markup:
    """Draw `picture` for `place`; its texts were escaped when it was written as XML."""
    return Markup(draw(picture, salt=place))  # noqa: S704 - markup of our own making


def _layers_svg(layer_map: LayerMap, place: str) -> Markup:
    return Markup(draw_layers(layer_map, salt=place))  # noqa: S704 - as above


def _breakable(name: str) -> Markup:
    """Let a long name break behind its dots, and not within a word."""
    return Markup(".<wbr>").join(name.split("."))
