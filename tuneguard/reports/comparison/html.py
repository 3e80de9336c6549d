"""A comparison as one self-contained page: no script, no font, no picture from elsewhere."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from tuneguard.comparison import Comparison
from tuneguard.comparison.result import BandPicture
from tuneguard.reports.comparison import phrases
from tuneguard.reports.comparison.svg import describe, draw
from tuneguard.reports.pages import page_environment
from tuneguard.reports.untrusted import cleaned
from tuneguard.version import __version__


def render_html(comparison: Comparison) -> str:
    """Return the comparison as an HTML page."""
    page = _environment().get_template("comparison.html.j2")
    return page.render(comparison=cleaned(comparison), version=__version__)


@cache
def _environment() -> Environment:
    environment = page_environment()
    said: dict[str, Any] = {name: getattr(phrases, name) for name in _PHRASES}
    environment.globals.update(said, describe=describe, svg=_svg)
    return environment


_PHRASES = (
    "changes",
    "costs",
    "difference",
    "direction",
    "findings",
    "headline",
    "levels",
    "noise",
    "sides",
)


def _svg(picture: BandPicture) -> Markup:
    return Markup(draw(picture))  # noqa: S704 - its texts were escaped when it was written as XML
