"""Phrases that the screen and the log share."""

from __future__ import annotations

from tuneguard.live import Sighting
from tuneguard.reports import wording
from tuneguard.watching import Sight

_MINUTE, _HOUR = 60.0, 3600.0


def progress(sight: Sight) -> str:
    """Return how far a run has come, and how fast it goes."""
    parts = [f"{sight.unit} {wording.number(sight.step)}"]
    if sight.planned:
        share = min(sight.step / sight.planned, 1.0)
        parts[0] += f" of {wording.number(sight.planned)} ({share:.0%})"
    if sight.pace:
        parts.append(f"{sight.pace:.3g} {sight.unit}s/s")
    if sight.seconds_left is not None:
        parts.append(f"about {duration(sight.seconds_left)} left")
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """Return a length of time to two units.

    >>> duration(42.0), duration(130.0), duration(7400.0)
    ('42 s', '2 min 10 s', '2 h 3 min')
    """
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE:.0f} min {seconds % _MINUTE:.0f} s"
    return f"{seconds // _HOUR:.0f} h {seconds % _HOUR // _MINUTE:.0f} min"


def finding(sighting: Sighting) -> str:
    """Return which finding it is, and since when."""
    one = sighting.finding
    return f"{wording.title(one.rule)} ({one.rule_id}), {wording.since(one)}"
