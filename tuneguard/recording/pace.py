"""How closely each step is looked at, by schedule, budget and what happens."""

from __future__ import annotations

import time

from tuneguard import keys
from tuneguard.recording.budget import Budget
from tuneguard.recording.loss_watch import LossWatch
from tuneguard.recording.schedule import Look, Schedule

BURST_STEPS = 32


class Pace:
    """Keeps a schedule within a budget, and has it look closer where something odd happened.

    Args:
        schedule: Which steps are looked at closely.
        budget: Decides the schedule's stride; `None` leaves it as it is.
        first_step: The number of the first step.

    Attributes:
        look: How closely the coming step is looked at.
        is_for_units: Whether its units are looked at, too.
        watch: Notices what is odd.
        schedule: Which steps are looked at closely.
    """

    def __init__(self, schedule: Schedule, budget: Budget | None, first_step: int) -> None:
        self.look = schedule.look(first_step)
        self.is_for_units = False
        self.watch = LossWatch(self._want_burst)
        self.schedule = schedule
        self._budget = budget
        self._is_burst_wanted = False

    def advance(self, step: int) -> None:
        """Decide how closely the coming `step` is looked at."""
        if self._is_burst_wanted:
            self._is_burst_wanted = False
            self.schedule.burst(step + BURST_STEPS)
        if step >= self.schedule.quiet_until:
            self.look = self.schedule.look(step)
            self.is_for_units = self.look is Look.SAMPLE and self.schedule.looks_at_units(step)

    def sampled(self, started: float, samples: int = 0) -> None:
        """Take in what (a part of) `samples` cost the loop, from `started` until now."""
        if self._budget is not None:
            self._budget.sampling(time.perf_counter() - started, samples)

    def stepped(self, started: float, steps: int = 0) -> None:
        """Take in what (a part of) `steps` without a sample cost, from `started` until now."""
        if self._budget is not None:
            self._budget.plain(time.perf_counter() - started, steps)

    def settle(self, step: int, spent: float) -> dict[str, float]:
        """Bring the stride in line with the budget.

        Args:
            step: The number of the next step.
            spent: Seconds that the loop spent on steps so far, recording included.

        Returns:
            Stride and overhead by metric key, where there was enough to go by.
        """
        if self._budget is None:
            return {}
        if self._budget.is_dense_start_paid:
            self.schedule.end_dense_start(step)
        stride = self._budget.next_stride(self.schedule.stride, step, spent)
        if stride is None:
            return {}
        self.schedule.revise(stride, step)
        return {keys.STRIDE: float(stride), keys.OVERHEAD: self._budget.overhead}

    def _want_burst(self) -> None:
        """Note, on the writer's thread, that something odd has happened."""
        self._is_burst_wanted = True
        self.schedule.quiet_until = 0
