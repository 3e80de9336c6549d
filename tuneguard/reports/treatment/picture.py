"""Before and after a treatment, as a picture."""

from __future__ import annotations

from tuneguard.reports.comparison.svg import draw
from tuneguard.treatment import Treatment


def draw_attempts(treatment: Treatment) -> str | None:
    """Return what was kept beside what was given as an `<svg>`, or `None` where nothing was."""
    overall = treatment.overall
    picture = next(iter(overall.pictures), None) if overall is not None else None
    return draw(picture) if picture is not None else None
