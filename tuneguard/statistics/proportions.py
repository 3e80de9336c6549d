"""How far a share in a small sample may lie from the share that is behind it."""

from __future__ import annotations

import math

_Z95 = 1.959963984540054


def wilson_interval(hits: int, trials: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share (Wilson 1927), between 0 and 1.

    Unlike the textbook interval it stays within 0 and 1, and says something of 0 hits too.

    Args:
        hits: How often it happened.
        trials: How often it could have happened; at least `hits`.

    Returns:
        Lower and upper end; 0 and 1 without trials.

    >>> [round(end, 3) for end in wilson_interval(1, 10)]
    [0.018, 0.404]
    >>> wilson_interval(0, 0)
    (0.0, 1.0)
    """
    if trials == 0:
        return 0.0, 1.0
    share = hits / trials
    weight = _Z95**2 / trials
    center = (share + weight / 2) / (1 + weight)
    reach = _Z95 / (1 + weight) * math.sqrt(share * (1 - share) / trials + weight / (4 * trials))
    low = 0.0 if hits == 0 else center - reach
    high = 1.0 if hits == trials else center + reach
    return low, high
