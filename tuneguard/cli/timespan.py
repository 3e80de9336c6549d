"""Points in time as people type them: an age, or a date."""

from __future__ import annotations

import re
import time
from datetime import datetime, timezone

import click

_AGE = re.compile(r"(\d{1,6})\s*([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


class Since(click.ParamType):
    """An age such as `7d`, or a date such as `2026-05-01`, as milliseconds since 1970."""

    name = "since"

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Return the milliseconds since 1970 that `value` means.

        >>> Since().convert("2026-05-01T00:00:00+00:00", None, None)
        1777593600000
        """
        if isinstance(value, int):
            return value
        age = _AGE.fullmatch(value.strip().lower())
        if age:
            return max(0, int((time.time() - int(age[1]) * _SECONDS[age[2]]) * 1000))
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            self.fail(
                f"{value!r} is neither an age (30m, 12h, 7d, 2w) nor a date (2026-05-01).",
                param,
                ctx,
            )
        # a date without a zone is one on the clock of the person who types it
        local = moment if moment.tzinfo else moment.astimezone()
        return max(0, int(local.astimezone(timezone.utc).timestamp() * 1000))
