"""Whether somebody else writes at the first steps of a key: loops count epochs, we count steps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from tuneguard import keys
from tuneguard.spool.charts import ChartPoint

LAST_STEP = 127
_OFTEN_SHARED = ("train/", f"{keys.VALIDATION}/", f"{keys.LEARNING_RATE}/")


class Point(Protocol):
    """A point of the metrics table."""

    @property
    def step(self) -> int:
        """Step."""

    @property
    def value(self) -> float:
        """Value."""


class EarlyPoints:
    """Remembers what we wrote at the first steps of the keys that loops often log themselves.

    A loop that logs `train/loss` once an epoch writes at steps 0, 1, 2, ...: beside ours, its
    points are never the latest, and only a look at the first steps finds them. Keys that an
    earlier recording of the run wrote are left out: what that wrote is not known here.

    Args:
        inherited: Keys that earlier recordings of the same run wrote.
    """

    def __init__(self, inherited: Iterable[str] = ()) -> None:
        self._inherited = set(inherited)
        self._ours: dict[str, set[tuple[int, float]]] = {}

    def inherit(self, charted: Iterable[str]) -> None:
        """Leave out keys that another recording of the run wrote, too."""
        self._inherited |= set(charted)
        for key in self._inherited & set(self._ours):
            self.forget(key)

    def writing(self, points: Iterable[ChartPoint]) -> None:
        """Note what is about to be sent."""
        for point in points:
            if self._is_watched(point.key) and point.step <= LAST_STEP:
                self._ours.setdefault(point.key, set()).add((point.step, point.value))

    def next_key(self) -> str | None:
        """Return the key whose turn it is to be compared."""
        key = next(iter(self._ours), None)
        if key is not None:
            self._ours[key] = self._ours.pop(key)
        return key

    def has_others(self, key: str, found: Iterable[Point]) -> bool:
        """Whether `found`, points of `key` up to `LAST_STEP`, holds one that is not ours."""
        ours = self._ours.get(key)
        return ours is not None and any((point.step, point.value) not in ours for point in found)

    def forget(self, key: str) -> None:
        """Compare a key no more."""
        self._ours.pop(key, None)

    def _is_watched(self, key: str) -> bool:
        is_maximum = key.endswith(keys.MAXIMUM_SUFFIX)
        return key.startswith(_OFTEN_SHARED) and not is_maximum and key not in self._inherited
