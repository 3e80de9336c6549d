"""Where the time of the training loop goes."""

from __future__ import annotations

import math
from typing import NamedTuple


class StepTime(NamedTuple):
    """How the time up to a step was spent.

    Attributes:
        seconds: Since the step before; NaN where that is not known.
        waited: Seconds of it spent waiting for data; NaN where that is not known.
        samples: How many samples came, 0 where that is not known.
    """

    seconds: float
    waited: float
    samples: int


class LoopClock:
    """Time between consecutive steps, the wait for data in it, and the samples seen."""

    def __init__(self) -> None:
        self._last = math.nan
        self._waited = 0.0
        self._samples = 0
        self._has_batches = False

    def waited(self, seconds: float, samples: int) -> None:
        """Note the wait for one batch, and how many samples it brought."""
        self._has_batches = True
        self._waited += seconds
        self._samples += samples

    def interrupt(self) -> None:
        """Forget the step that is going on: it holds a validation, or the like."""
        self._last = math.nan

    def step(self, now: float) -> StepTime:
        """End a step.

        Args:
            now: The moment, in seconds of `time.perf_counter`.
        """
        seconds, self._last = now - self._last, now
        if not self._has_batches:
            return StepTime(seconds, math.nan, 0)
        time = StepTime(seconds, self._waited, self._samples)
        self._waited, self._samples = 0.0, 0
        return time
