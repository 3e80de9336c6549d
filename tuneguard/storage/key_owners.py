"""Whose a key of the metrics table is: what somebody else writes is left to its owner."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

from tuneguard import keys
from tuneguard.spool.charts import ChartPoint
from tuneguard.storage.early_points import EarlyPoints, Point

_logger = logging.getLogger(__name__)


class KeyOwners:
    """Tells our keys from those of others by the latest value of each, and by the first steps.

    A key that holds a value that we did not write belongs to somebody else; ours is moved to the
    same name under `tuneguard/` from then on.

    Args:
        own: Keys that earlier recordings of the same run, or this one, have written.
    """

    def __init__(self, own: Iterable[str] = ()) -> None:
        self.own = set(own)
        self._early = EarlyPoints(self.own)
        self._inherited: dict[str, float] | None = None
        self._possible: dict[str, set[float]] = {}
        self._latest: dict[str, ChartPoint] = {}
        self._foreign: set[str] = set()

    def strangers(self, latest: Mapping[str, float]) -> set[str]:
        """Return the keys whose latest value somebody else wrote, as far as is known."""
        if self._inherited is None:
            self._inherited = {key: value for key, value in latest.items() if key in self.own}
        inherited = self._inherited
        return {
            key
            for key, value in latest.items()
            if key not in self._foreign
            and value not in self._possible.get(key, ())
            and inherited.get(key) != value
        }

    def inherit(self, charted: Iterable[str], latest: Mapping[str, float]) -> None:
        """Take over keys of a recorder that is over, with the latest value of each key."""
        charted = set(charted) - self._foreign
        self.own |= charted
        self._early.inherit(charted)
        values = {key: value for key, value in latest.items() if key in charted}
        self._inherited = {**(self._inherited or {}), **values}

    def look(self, latest: Mapping[str, float]) -> None:
        """Take in the latest value of each key of the run."""
        for key in self.strangers(latest):
            self._leave(key)

    def leave(self, names: Iterable[str]) -> None:
        """Leave keys to somebody who is known to log them, whether there are points or not."""
        for key in set(names) - self._foreign:
            self._leave(key)

    def next_key(self) -> str | None:
        """Return the key whose first steps are to be looked at next, if any."""
        return self._early.next_key()

    def is_shared(self, key: str, found: Iterable[Point]) -> bool:
        """Whether the points of a key up to `early_points.LAST_STEP` hold one that is not ours."""
        return self._early.has_others(key, found)

    def look_at_first_steps(self, key: str, found: Iterable[Point]) -> None:
        """Take in the points of a key up to `early_points.LAST_STEP`."""
        if self.is_shared(key, found):
            self._leave(key)

    def place(self, point: ChartPoint) -> ChartPoint:
        """Return the point under the key that it is to be written to."""
        base = point.key.removesuffix(keys.MAXIMUM_SUFFIX)
        if {base, point.key} & self._foreign and not point.key.startswith(keys.PREFIX):
            return point._replace(key=f"{keys.PREFIX}{point.key}")
        return point

    def writing(self, points: Iterable[ChartPoint]) -> None:
        """Note what is about to be sent: the store may take it and fail to say so."""
        points = list(points)
        self._early.writing(points)
        for point in points:
            self.own.add(point.key)
            self._possible.setdefault(point.key, set()).add(point.value)

    def wrote(self, points: Iterable[ChartPoint]) -> None:
        """Note what the store has taken: of each key, the latest value is now among it.

        Points may come in any order: what had to wait in memory comes after what did not.
        """
        for point in points:
            before = self._latest.get(point.key)
            if before is None or _order(point) >= _order(before):
                self._latest[point.key] = point
            self._possible[point.key] = {self._latest[point.key].value}

    def _leave(self, key: str) -> None:
        if key in self.own:
            _logger.warning(
                "%r is logged by somebody else too: what is recorded goes on as %r; "
                "the points written so far stay, since MLflow cannot take them back.",
                key,
                f"{keys.PREFIX}{key}",
            )
        self._foreign.add(key)
        self._early.forget(key)
        self.own.discard(key)


def _order(point: ChartPoint) -> tuple[int, int, float]:
    """How MLflow decides which point of a key is the latest."""
    return (point.step, point.timestamp, point.value)
