"""What a resumed run has overwritten."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MAX_REWINDS = 20


def latest_lineage(
    steps: NDArray[np.float64],
) -> tuple[NDArray[np.intp], tuple[float, ...]]:
    """Pick the points that belong to the course the run finally took.

    A run that is resumed from a checkpoint counts again from an earlier step: what the abandoned
    attempt wrote from there on is dropped. More than `MAX_REWINDS` jumps are not resumes but
    points in no order; then only repeated steps are resolved, the last one written winning.

    Args:
        steps: Shape `(n,)`, in the order in which the points were written.

    Returns:
        Indices that sort the kept points by step, and the steps to which the run jumped back.

    >>> latest_lineage(np.array([0.0, 1.0, 2.0, 3.0, 2.0, 3.0]))
    (array([0, 1, 4, 5]), (2.0,))
    """
    if len(steps) == 0:
        return np.empty(0, dtype=np.intp), ()
    jumps = np.flatnonzero(np.diff(steps) < 0) + 1
    if len(jumps) <= MAX_REWINDS:
        following = np.minimum.accumulate(steps[::-1])[::-1]
        is_kept = np.append(steps[:-1] < following[1:], True)
        return np.flatnonzero(is_kept), tuple(float(step) for step in steps[jumps])
    backwards = np.arange(len(steps))[::-1]
    _, last_written = np.unique(steps[::-1], return_index=True)
    return backwards[last_written], ()
