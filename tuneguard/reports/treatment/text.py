"""A treatment for the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from tuneguard.reports.treatment.rows import Row, headline, left_to_you, rows
from tuneguard.treatment import Treatment

_INDENT = "   "


def render_text(treatment: Treatment, *, width: int = 100) -> str:
    """Return the treatment as lines of text.

    Args:
        treatment: What was tried.
        width: Columns of the terminal.
    """
    lines = [f"{headline(treatment)}."]
    for row in rows(treatment):
        lines += ["", *attempt_lines(row, width)]
    given = ", ".join(treatment.settings) or "none"
    lines += ["", *_wrapped(f"Settings that the parameters can express: {given}.", width, "")]
    left = left_to_you(treatment)
    if left:
        lines += ["", "Left to you, as these parameters do not express it:"]
        lines += [line for one in left for line in _wrapped(one, width, _INDENT)]
    return "\n".join(lines) + "\n"


def attempt_lines(row: Row, width: int) -> Iterator[str]:
    """Yield one attempt."""
    treated = f"{row.treats}: {row.change}" if row.treats else "the parameters that were given"
    yield from _wrapped(f"{row.number}. {row.standing.capitalize()}: {treated}", width, "")
    yield from _wrapped(f"found: {row.found}", width, _INDENT)
    if row.measure:
        yield from _wrapped(f"{row.measure}", width, _INDENT)
    if row.treats:
        yield from _wrapped(row.reason, width, _INDENT)


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent or _INDENT)
