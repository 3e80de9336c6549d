"""Points in time as people type them: an age, or a date."""

from __future__ import annotations

import re
import time
from datetime import datetime

import click

_AGE = re.compile(r"(\d{1,6})\s*([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def milliseconds_since(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
    """Return what an option says, an age such as `7d` or a date, as milliseconds since 1970.

    Raises:
        click.BadParameter: It is neither.
    """
    return None if value is None else milliseconds_of(value)


def milliseconds_of(text: str) -> int:
    """Return the milliseconds since 1970 of an age or a date.

    Raises:
        click.BadParameter: It is neither.

    >>> milliseconds_of("2026-05-01T00:00:00+00:00")
    1777593600000
    """
    age = _AGE.fullmatch(text.strip().lower())
    if age:
        return max(0, int((time.time() - int(age[1]) * _SECONDS[age[2]]) * 1000))
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise click.BadParameter(
            f"{text!r} is neither an age (30m, 12h, 7d, 2w) nor a date (2026-05-01)."
        ) from error
    # a date without a zone is one on the clock of the person who types it
    local = moment if moment.tzinfo else moment.astimezone()
    return max(0, int(local.timestamp() * 1000))
