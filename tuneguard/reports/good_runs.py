"""A run beside good ones: a section of its own after the findings."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from tuneguard.good_runs import BesideGoodRuns, Departure
from tuneguard.reports.untrusted import cleaned, markdown_safe, terminal_safe
from tuneguard.reports.wording import number

_INDENT = "   "


def good_runs_text(beside: BesideGoodRuns, whose: str, *, width: int = 100) -> str:
    """Return the section as lines of text.

    Args:
        beside: The run beside the good ones.
        whose: Where those come from, such as the name of an experiment; untrusted text.
        width: Columns of the terminal.
    """
    first, *others = sentences(beside, terminal_safe(whose))
    lines = textwrap.wrap(first, width, subsequent_indent=_INDENT)
    for one in others:
        lines += textwrap.wrap(one, width, initial_indent=_INDENT, subsequent_indent=_INDENT * 2)
    return "\n".join(lines) + "\n"


def good_runs_markdown(beside: BesideGoodRuns, whose: str) -> str:
    """Return the section as Markdown."""
    first, *others = (markdown_safe(one) for one in sentences(beside, whose))
    points = "\n".join(f"- {one}" for one in others)
    return "\n\n".join(["## Beside good runs", first, *([points] if points else [])]) + "\n"


def good_runs_document(beside: BesideGoodRuns, whose: str) -> dict[str, Any]:
    """Return the section as mappings, lists, texts and numbers."""
    return {
        "good_runs": beside.good_runs,
        "of": whose,
        "reason": beside.reason,
        "compared": list(beside.compared),
        "departures": [
            {name: getattr(one, name) for name in one.__slots__} for one in beside.departures
        ],
    }


def sentences(beside: BesideGoodRuns, whose: str) -> Iterator[str]:
    """Yield what is to be said: the outcome, then each departure.

    Args:
        beside: The run beside the good ones.
        whose: Where those come from.
    """
    beside = cleaned(beside)
    if beside.reason:
        yield f"INFO  Not compared with good runs of {whose}: {beside.reason}."
        return
    runs = f"{beside.good_runs} good runs of {whose}"
    compared = ", ".join(beside.compared)
    if not beside.departures:
        yield f"INFO  Within the range of the last {runs}: {compared}."
        return
    yield f"INFO  Outside the range of the last {runs} (advice, no alarm); compared: {compared}."
    for one in beside.departures:
        yield _departure(one)


def _departure(one: Departure) -> str:
    place = f"at {one.axis} {number(one.step)}"
    since = "" if one.since == one.step else f", and outside since {one.axis} {number(one.since)}"
    shown = (
        f"{number(one.value)} where the {one.good_runs} good runs have {number(one.low)} to "
        f"{number(one.high)}"
    )
    return f"{one.metric} {place} is {_distance(one)}: {shown}{since}."


def _distance(one: Departure) -> str:
    if one.value > 0.0 and one.usual > 0.0:
        factor = one.value / one.usual
        return f"{factor:.3g} times that of the median good run"
    return f"{number(one.value - one.usual)} from that of the median good run"
