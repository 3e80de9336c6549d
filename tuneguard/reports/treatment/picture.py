"""Before and after a treatment, as a picture."""

from __future__ import annotations

from tuneguard.comparison.result import BandPicture
from tuneguard.reports.comparison.svg import describe, draw
from tuneguard.treatment import Treatment


def draw_attempts(treatment: Treatment) -> str | None:
    """Return what was kept beside what was given as an `<svg>`, or `None` where nothing was."""
    picture = _picture(treatment)
    return draw(picture) if picture is not None else None


def describe_attempts(treatment: Treatment) -> str:
    """Return in words what that picture shows; empty where there is none."""
    picture = _picture(treatment)
    if picture is None:
        return ""
    missing = {"before", "after"} - {band.label for band in picture.bands}
    lacking = (f" {label.capitalize()}: no finite value." for label in sorted(missing))
    return describe(picture) + "".join(lacking)


def _picture(treatment: Treatment) -> BandPicture | None:
    overall = treatment.overall
    return next(iter(overall.pictures), None) if overall is not None else None
