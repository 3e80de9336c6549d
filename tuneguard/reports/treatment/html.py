"""A treatment as one self-contained page: no script, no font, no picture from elsewhere."""

from __future__ import annotations

from markupsafe import Markup

from tuneguard.reports.pages import page_environment
from tuneguard.reports.treatment.picture import describe_attempts
from tuneguard.reports.treatment.rows import headline, left_to_you, rows
from tuneguard.reports.untrusted import terminal_safe
from tuneguard.treatment import Treatment
from tuneguard.version import __version__


def render_html(treatment: Treatment, title: str, picture: str | None) -> str:
    """Return the treatment as an HTML page.

    Args:
        treatment: What was tried.
        title: Name of the parent run; untrusted text.
        picture: An `<svg>` element of before and after, if there is one.
    """
    page = page_environment().get_template("treatment.html.j2")
    return page.render(
        title=terminal_safe(title),
        headline=terminal_safe(headline(treatment)),
        is_healthy=treatment.is_healthy,
        rows=rows(treatment),
        # its texts were escaped when it was written as XML
        picture=None if picture is None else Markup(picture),  # noqa: S704
        caption=terminal_safe(describe_attempts(treatment)),
        left=left_to_you(treatment),
        settings=", ".join(treatment.settings) or "none",
        version=__version__,
    )
