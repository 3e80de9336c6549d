"""The templates of the pages, and how they are rendered: escaped, and strict about names."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined


def page_environment() -> Environment:
    """Return an environment for the templates of reports, with nothing added to it yet."""
    return Environment(
        loader=PackageLoader("tuneguard.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
