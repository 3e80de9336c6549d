"""A treatment as the block that MLflow shows in the description of its parent run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from tuneguard import keys
from tuneguard.reports.treatment.rows import Row, headline, left_to_you, rows
from tuneguard.reports.untrusted import markdown_safe
from tuneguard.treatment import Treatment
from tuneguard.version import __version__

_MOST_ROWS: Final = 20
_TITLES: Final = ("attempt", "treats", "change", "found", "measure", "became")


def render_description(treatment: Treatment, picture_path: str | None) -> str:
    """Return the block for the parent's description, without the markers around it.

    Args:
        treatment: What was tried.
        picture_path: Path of the picture among the run's artifacts, if there is one.
    """
    return "\n\n".join(_blocks(treatment, picture_path))


def _blocks(treatment: Treatment, picture_path: str | None) -> Iterator[str]:
    yield f"**{markdown_safe(headline(treatment))}.**"
    if picture_path and treatment.parent_id:
        run = quote(treatment.parent_id)
        where = f"get-artifact?path={quote(picture_path, safe='')}&run_uuid={run}"
        yield f"![Before and after]({where})"
    yield "\n".join(_table(rows(treatment)))
    left = left_to_you(treatment)
    if left:
        yield "Left to you, as these parameters do not express it:"
        yield "\n".join(f"- {markdown_safe(one)}" for one in left)
    yield (
        f"Everything that was tried: `{keys.ARTIFACTS}/treatment.html` among the artifacts. "
        f"Treated by tuneguard {__version__}."
    )


def _table(found: list[Row]) -> Iterator[str]:
    yield f"| {' | '.join(_TITLES)} |"
    yield f"|{' --- |' * len(_TITLES)}"
    for row in found[-_MOST_ROWS:]:
        cells = (row.number, row.treats, row.change, row.found, row.measure, row.standing)
        yield f"| {' | '.join(map(markdown_safe, cells))} |"
