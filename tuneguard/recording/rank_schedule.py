"""One schedule for all ranks: rank 0 changes it from a step that none has reached yet."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable

from tuneguard.recording.rank_exchange import RankExchange
from tuneguard.recording.schedule import Schedule

NOTICE_INTERVALS = 3.0
_TOPIC = "schedule"
_KEPT = 64
_SHORTEST_SECONDS = 0.5


class RankSchedule(Schedule):
    """A schedule whose changes are posted, and hold from a step that is still to come everywhere.

    Ranks train in step with each other, so what is a few looks at the store away for rank 0 is so
    for all. A rank that hears of a change too late samples other steps than rank 0 until then;
    what is added up over ranks is left out there. Bursts are rank 0's own.

    Args:
        exchange: What carries the changes.
        is_first: Whether this is rank 0; the others only follow.
        first_step: The number of the first step.
        clock: Returns the moment in seconds.
    """

    def __init__(
        self,
        exchange: RankExchange,
        *,
        is_first: bool,
        first_step: int = 0,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        super().__init__()
        self._exchange = exchange
        self._is_first = is_first
        self._clock = clock
        self._last = first_step, clock()
        self._steps_a_second = 0.0
        if not is_first:
            exchange.follow([_TOPIC], self._hear)

    def revise(self, stride: int, from_step: int) -> None:
        """Have another stride as soon as all ranks can know of it, at `from_step` or later."""
        common = self._first_common_step(from_step)
        if self._is_first and stride != self.stride:
            super().revise(stride, max(common, self._changes[-1][0] + 1))
            self._post()

    def end_dense_start(self, from_step: int) -> None:
        """Look at pairs only as soon as all ranks can know of it."""
        if self._is_first and from_step < self._dense_until:
            super().end_dense_start(self._first_common_step(from_step))
            self._post()

    def _first_common_step(self, step: int) -> int:
        """The step at which, by the present pace, all ranks have heard what is posted now."""
        now = self._clock()
        earlier, before = self._last
        if now - before > _SHORTEST_SECONDS:
            self._steps_a_second = (step - earlier) / (now - before)
            self._last = step, now
        notice = NOTICE_INTERVALS * self._exchange.interval
        return step + math.ceil(self._steps_a_second * notice)

    def _post(self) -> None:
        state = {"strides": self._changes[-_KEPT:], "dense_until": self._dense_until}
        self._exchange.post(_TOPIC, json.dumps(state), at_once=True)

    def _hear(self, messages: list[bytes]) -> None:
        state = json.loads(messages[0])
        self._dense_until = int(state["dense_until"])
        self._changes = [(int(step), int(stride)) for step, stride in state["strides"]]
        self.quiet_until = 0
