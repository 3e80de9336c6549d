"""The runs of an experiment as one self-contained page: no script, nothing from elsewhere."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment

from tuneguard.reports.fleet import phrases
from tuneguard.reports.pages import page_environment
from tuneguard.reports.untrusted import cleaned
from tuneguard.scanned_run import ScanSummary
from tuneguard.version import __version__


def render_html(summary: ScanSummary) -> str:
    """Return the runs as an HTML page."""
    page = _environment().get_template("fleet.html.j2")
    return page.render(summary=cleaned(summary), version=__version__)


@cache
def _environment() -> Environment:
    environment = page_environment()
    environment.globals.update(
        headline=phrases.headline,
        effort=phrases.effort,
        name=phrases.name,
    )
    return environment
