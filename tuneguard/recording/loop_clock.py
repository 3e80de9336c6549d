"""Where the time of the training loop goes."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tuneguard import keys


@dataclass(slots=True)
class LoopClock:
    """Time between consecutive steps, the wait for data in it, and the samples seen."""

    _last: float | None = None
    _waited: float = 0.0
    _samples: int = 0
    _has_batches: bool = False

    def waited(self, seconds: float, samples: int) -> None:
        """Note the wait for one batch, and how many samples it brought."""
        self._has_batches = True
        self._waited += seconds
        self._samples += samples

    def interrupt(self) -> None:
        """Forget the step that is going on: it holds a validation, or the like."""
        self._last = None

    def step(self) -> dict[str, float]:
        """End a step, and return what is known of its time, by metric key."""
        now = time.perf_counter()
        last, self._last = self._last, now
        waited, self._waited = self._waited, 0.0
        samples, self._samples = self._samples, 0
        if last is None or now <= last:
            return {}
        times = {keys.STEP_SECONDS: now - last}
        if self._has_batches:
            times[keys.DATA_WAIT_FRACTION] = min(1.0, waited / (now - last))
            if samples:
                times[keys.SAMPLES_PER_SECOND] = samples / (now - last)
        return times
