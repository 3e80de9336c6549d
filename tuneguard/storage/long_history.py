"""A long metric in a fraction of the requests: some points of everywhere, all of odd places."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import mlflow
import numpy as np
from mlflow.entities import Metric

from tuneguard.statistics.odd_places import odd_gaps
from tuneguard.storage import sampled_points as sampling
from tuneguard.storage.sampled_points import sampled_points
from tuneguard.storage.written import Written

WHOLE_WINDOWS = 40
ODD_WINDOWS = 24
_ZOOMS = 3


@dataclass
class Allowance:
    """How many more windows of a run may be read: each is a request of some 50 milliseconds."""

    left: int


def read_long_history(
    client: mlflow.MlflowClient, run_id: str, key: str, allowance: Allowance
) -> Written | None:
    """Read a metric whole where some tens of requests do, else a sample and its odd places.

    An odd place is where values begin or cease to be finite, where they leap, where they are
    lowest, and both ends: there every point is read, so that its neighbours are known.

    Args:
        client: Client of the store.
        run_id: The run.
        key: The metric.
        allowance: What is read is taken from it.

    Returns:
        The points, or `None` where the store cannot choose any.
    """
    sample = sampled_points(client, run_id, key)
    if sample is None:
        return None
    if len(sample) < sampling.SAMPLE_SIZE:
        return Written.from_metrics(sample)
    return _Magnifier(client, run_id, key, sample, allowance).read()


class _Magnifier:
    """Reads windows of a metric between the points of a sample."""

    def __init__(
        self,
        client: mlflow.MlflowClient,
        run_id: str,
        key: str,
        sample: Sequence[Metric],
        allowance: Allowance,
    ) -> None:
        self._metric = (client, run_id, key)
        self._sample = sorted(sample, key=lambda point: (point.step, point.timestamp))
        self._allowance = allowance
        self._found = {_identity(point): point for point in sample}

    def read(self) -> Written:
        gaps = len(self._sample) - 1
        width = self._gaps_in_a_window()
        windows = [(first, min(first + width, gaps)) for first in range(0, gaps, width)]
        if len(windows) <= min(WHOLE_WINDOWS, self._allowance.left):
            complete = [self._look_between(*window) for window in windows]
            is_whole = all(complete)
        else:
            is_whole = False
            self._look_at_odd_places(width)
        return Written.from_metrics(self._found.values(), is_sampled=not is_whole)

    def _gaps_in_a_window(self) -> int:
        """Return how many gaps of the sample one window can hold, by the one in the middle."""
        middle = len(self._sample) // 2
        between = self._window(self._sample[middle - 1].step, self._sample[middle].step)
        points = max(len(between) - 1, 1)
        return max(1, math.floor(0.95 * sampling.SAMPLE_SIZE / points))

    def _look_at_odd_places(self, width: int) -> None:
        last = len(self._sample) - 1
        margin = (width - 1) // 2
        seen: set[int] = set()
        windows = min(ODD_WINDOWS, self._allowance.left)
        values = np.array([point.value for point in self._sample], dtype=np.float64)
        for gap in odd_gaps(values, last):
            if windows <= 0:
                break
            if gap not in seen:
                first, end = max(0, gap - margin), min(last, gap + 1 + margin)
                seen.update(range(first, end))
                self._look_between(first, end)
                windows -= 1

    def _look_between(self, first: int, end: int) -> bool:
        """Read what lies between two points of the sample; return whether that was all of it."""
        start, stop = self._sample[first].step, self._sample[end].step
        for _ in range(_ZOOMS):
            points = self._window(start, stop)
            if len(points) < sampling.SAMPLE_SIZE:
                return True
            # the window was too long, and is a sample too: look at its oddest place
            (gap,) = odd_gaps(np.array([one.value for one in points], dtype=np.float64), 1)
            start, stop = points[gap].step, points[gap + 1].step
        return False

    def _window(self, start: int, stop: int) -> list[Metric]:
        client, run_id, key = self._metric
        self._allowance.left -= 1
        points = sampled_points(client, run_id, key, (start, stop)) or []
        self._found |= {_identity(point): point for point in points}
        return sorted(points, key=lambda point: (point.step, point.timestamp))


def _identity(point: Metric) -> tuple[int, int, str]:
    # as text, for NaN is not equal to itself
    return (point.step, point.timestamp, repr(point.value))
