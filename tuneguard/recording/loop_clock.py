"""Where the time of the training loop goes."""

from __future__ import annotations

import math


class LoopClock:
    """Time between consecutive steps, the wait for data in it, and the samples seen.

    Attributes:
        has_batches: Whether the wait for data is known.
        total: Seconds of all steps so far, without what interrupted them.
        last: When the last step began; NaN where something interrupted it.
    """

    def __init__(self) -> None:
        self.has_batches = False
        self.total = 0.0
        self.last = math.nan
        self._waited = 0.0
        self._samples = 0

    def waited(self, seconds: float, samples: int) -> None:
        """Note the wait for one batch, and how many samples it brought."""
        self.has_batches = True
        self._waited += seconds
        self._samples += samples

    def interrupt(self) -> None:
        """Forget the step that is going on: it holds a validation, or the like."""
        self.last = math.nan

    def step(self, now: float) -> float:
        """Return the seconds since the last step, NaN where they are not known.

        Args:
            now: The moment, in seconds of `time.perf_counter`.
        """
        seconds = now - self.last
        self.last = now
        if seconds > 0.0:
            self.total += seconds
        return seconds

    def take(self) -> tuple[float, int]:
        """Return the seconds waited since this was last asked, and the samples that came."""
        taken = self._waited, self._samples
        self._waited, self._samples = 0.0, 0
        return taken
