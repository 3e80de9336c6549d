"""What happens in a run as lines, for a pipe or the log of a job."""

from __future__ import annotations

import math

from tuneguard.live import Event
from tuneguard.reports import wording
from tuneguard.reports.untrusted import cleaned
from tuneguard.reports.watch import phrases
from tuneguard.watching import Sight


def event_line(event: Event, unit: str = "step") -> str:
    """Return what a look brought, on one line."""
    event = cleaned(event)
    found = event.sighting.finding
    at = f"{unit} {wording.number(event.step)}"
    name = phrases.finding(event.sighting)
    if event.what == "gone":
        return f"{at}: no longer found: {name}"
    again = " again" if event.what == "back" else ""
    fix = f" Try first: {found.prescriptions[0].action}" if found.prescriptions else ""
    return f"{at}: {str(found.severity).upper()}{again} {name}: {found.summary}{fix}"


def progress_line(sight: Sight) -> str:
    """Return how far the run is and the latest values, on one line."""
    sight = cleaned(sight)
    latest = [f"{one.label} {_latest(one.values)}" for one in sight.traces]
    return "; ".join([phrases.progress(sight), *latest])


def _latest(values: tuple[float, ...]) -> str:
    return wording.number(values[-1] if values else math.nan)
