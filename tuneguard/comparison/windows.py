"""Which part of the runs is compared: where the training before the change ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tuneguard.comparison.clocks import Track

FloatArray = NDArray[np.float64]

_SHORTEST = 0.1
_LONGEST = 0.5
_WANTED_POINTS = 12
_SAME_LENGTH = 0.98


@dataclass(frozen=True, slots=True)
class Window:
    """The end of a track.

    Attributes:
        first: Where it begins; that point itself is outside.
        last: Where it ends.
    """

    first: float
    last: float

    def of(self, track: Track) -> Track:
        """Return the part of `track` inside."""
        return track.between(self.first, self.last)


@dataclass(frozen=True, slots=True)
class Windows:
    """What is compared with what.

    Attributes:
        before: The end of the runs before the change.
        after: That of a run after it, one for each.
    """

    before: tuple[Window, ...]
    after: tuple[Window, ...]


def windows_of(before: Sequence[Track], after: Sequence[Track]) -> Windows:
    """Choose what to compare: the ends, but no run after the change beyond those before it.

    A run that trained longer is thus compared at equal steps, and what it gained by training
    longer does not count as the change's; one that needed less is compared as it ended. A
    window is the last tenth, or as much more as holds a dozen points, up to a half.
    """
    limit = float(np.median([one.end for one in before]))
    share = _share([*before, *after], limit)
    return Windows(
        tuple(_window(one.end, share) for one in before),
        tuple(_window(_limited(one.end, limit), share) for one in after),
    )


def on_common_points(
    before: Track, after: Track, windows: tuple[Window, Window]
) -> tuple[FloatArray, FloatArray]:
    """Return the values of two tracks in their windows, at points of the sparser one.

    Args:
        before: The one track.
        after: The other.
        windows: The part of each. Where they do not lie at the same steps, points are partners
            that lie as far into their windows as each other.

    Returns:
        Two arrays of shape `(n,)`: finite values of `before` and of `after`.
    """
    parts = [window.of(track) for window, track in zip(windows, (before, after), strict=True)]
    shares, values = [], []
    for part, window in zip(parts, windows, strict=True):
        finite = np.isfinite(part.values)
        length = window.last - window.first
        shares.append((part.at[finite] - window.first) / (length if length > 0 else 1.0))
        values.append(part.values[finite])
    if min(len(one) for one in values) == 0:
        return np.empty(0), np.empty(0)
    sparser = int(len(values[1]) < len(values[0]))
    low = max(shares[0][0], shares[1][0]) - 1e-9
    high = min(shares[0][-1], shares[1][-1]) + 1e-9
    inside = (shares[sparser] >= low) & (shares[sparser] <= high)
    at = shares[sparser][inside]
    first, second = (np.interp(at, s, v) for s, v in zip(shares, values, strict=True))
    return first, second


def _share(tracks: Sequence[Track], limit: float) -> float:
    fewest = min(int(np.sum(one.at <= _limited(one.end, limit))) for one in tracks)
    return float(np.clip(_WANTED_POINTS / max(fewest, 1), _SHORTEST, _LONGEST))


def _limited(end: float, limit: float) -> float:
    """Return where a run after the change is cut: at `limit`, unless it just misses that."""
    return limit if end >= _SAME_LENGTH * limit else end


def _window(end: float, share: float) -> Window:
    # a point that lies just on the edge is inside, whatever rounding says
    return Window(end * (1.0 - share) * (1.0 - 1e-12), end)
