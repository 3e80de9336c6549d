"""A run that trains now, on the screen of a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tuneguard.live import Sighting
from tuneguard.reports import wording
from tuneguard.reports.sparkline import sparkline
from tuneguard.reports.untrusted import cleaned, clipped
from tuneguard.reports.watch import phrases
from tuneguard.watching import Sight, Trace

_STYLES: Final = {"critical": "bold red", "warning": "bold yellow", "info": "bold cyan"}
_MOST_FINDINGS: Final = 8
_NAME: Final = 60
_CURVE: Final = 60
_FIXED_COLUMNS: Final = 34
_TINY: Final = 1e-300


def render_screen(sight: Sight, footer: str, *, width: int, blocks: bool = True) -> RenderableType:
    """Return everything to show, from the top.

    Texts of the run are shown as they are: `Text` takes no markup.

    Args:
        sight: What is known of the run.
        footer: How the watching itself goes.
        width: Columns of the terminal.
        blocks: Whether the terminal can show block characters.
    """
    sight = cleaned(sight)
    return Group(
        *_head(sight, width),
        Text(),
        _curves(sight, width, blocks=blocks),
        Text(),
        *_findings(sight),
        Text(),
        Text(footer, style="dim"),
    )


def _head(sight: Sight, width: int) -> Iterator[RenderableType]:
    head = Text(clipped(sight.name, _NAME), style="bold")
    yield head.append(f"  {sight.status}", style="none")
    yield Text(phrases.progress(sight))
    if sight.planned:
        done = min(sight.step, sight.planned)
        yield ProgressBar(total=sight.planned, completed=done, width=min(width, _CURVE))


def _curves(sight: Sight, width: int, *, blocks: bool) -> RenderableType:
    if not sight.traces:
        return Text("Nothing is measured yet.")
    table = Table.grid(padding=(0, 2))
    for trace in sight.traces:
        room = max(8, min(_CURVE, width - _FIXED_COLUMNS))
        curve = sparkline(_scaled(trace), room) if blocks else ""
        latest = wording.number(trace.values[-1]) if trace.values else ""
        table.add_row(Text(clipped(trace.label, 24)), Text(curve, style="cyan"), Text(latest))
    return table


def _scaled(trace: Trace) -> list[float]:
    """Return values as they are plotted: norms and rates by their logarithm."""
    if not trace.is_positive:
        return list(trace.values)
    return [
        math.log(max(value, _TINY)) if math.isfinite(value) else value for value in trace.values
    ]


def _findings(sight: Sight) -> Iterator[RenderableType]:
    if not sight.sightings:
        judged = f"; {wording.counted(sight.unjudged, 'check')} cannot be made yet"
        yield Text(f"Nothing wrong was found so far{judged if sight.unjudged else ''}.")
    for sighting in sight.sightings[:_MOST_FINDINGS]:
        yield _finding(sighting, sight.unit)
    hidden = len(sight.sightings) - _MOST_FINDINGS
    if hidden > 0:
        yield Text(f"and {wording.counted(hidden, 'more finding')}", style="dim")
    if sight.first_fix is not None:
        yield Text()
        change = wording.change(sight.first_fix)
        yield Text("Try first: ", style="bold").append(
            f"{sight.first_fix.action} [{change}]", style="none"
        )


def _finding(sighting: Sighting, unit: str) -> Text:
    severity = str(sighting.finding.severity)
    if sighting.gone_at is not None:
        gone = f"gone at {unit} {wording.number(sighting.gone_at)}"
        return Text(f"{severity:<9}{phrases.finding(sighting)}, {gone}", style="dim")
    line = Text(f"{severity.upper():<9}", style=_STYLES[severity])
    return line.append(phrases.finding(sighting), style="none")
