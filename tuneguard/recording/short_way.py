"""The short way through a step of which nothing but loss, learning rates and times is kept."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Mapping, Sequence
from operator import is_
from time import perf_counter
from typing import Any

import torch

from tuneguard.recording.budget import TIMED_EVERY
from tuneguard.recording.learning_rates import LearningRates
from tuneguard.recording.loop_clock import LoopClock
from tuneguard.recording.loss_mean import Loss, measured_loss
from tuneguard.recording.pace import Pace
from tuneguard.recording.step_rows import Number, Step, StepRows, Waited

_Tensor = torch.Tensor
Hooked = Callable[[torch.optim.Optimizer], None]


class ShortWay:
    """Takes the steps between samples in as few calls as can be.

    The caches are cold between the operations of a training step: a Python call costs several
    times there what it costs in a loop of its own. What is not plain, such as a step that is
    skipped or a loss that is no number, is left to the recorder's long way.

    Args:
        optimizers: Only one that is alone can go the short way.
        pace: Knows which steps are looked at closely, and what the others cost.
        rates: Reads the learning rates.
        clock: Times the steps.
        rows: Where the steps go.
        otherwise: Called before an update that is not of a step on this way, and after one that
            leaves more to do.

    Attributes:
        is_open: Whether a step has begun and not ended.
        is_updating: Whether the optimizer is at work.
        number: The number of the next step, or of the open one.
        moment: When the latest step began, in seconds of `time.perf_counter`.
    """

    def __init__(  # noqa: PLR0913 - what a step touches
        self,
        optimizers: Sequence[torch.optim.Optimizer],
        pace: Pace,
        rates: LearningRates,
        clock: LoopClock,
        rows: StepRows,
        *,
        otherwise: tuple[Hooked, Hooked],
    ) -> None:
        self.is_open = False
        self.is_updating = False
        self.number = 0
        self._is_alone = len(optimizers) == 1
        self._pace = pace
        self._schedule = pace.schedule
        self._rates = rates
        self._clock = clock
        self._append = rows.steps.append
        self._before_another, self._otherwise = otherwise
        self._is_traced: Callable[[], bool] = torch.compiler.is_dynamo_compiling
        self._until = 0
        self._flush_at = 0.0
        self.moment = 0.0
        self._entered = 0.0
        self._seconds = 0.0
        self._loss: Loss = 0.0
        self._data: Waited | None = None
        self._known: Sequence[float] = ()
        self._latest: tuple[Number, ...] = ()
        _here.add(self)

    def enter(self, number: int, flush_at: float, room: int) -> None:
        """Let steps from `number` on come this way, until a packet is due.

        Args:
            number: The number of the next step.
            flush_at: When the packet is due, in seconds of `time.perf_counter`.
            room: How many steps it has room for.
        """
        if self._is_alone and self._clock.last > 0.0:
            self.number = number
            self.moment = self._entered = self._clock.last
            self._flush_at = flush_at
            self._until = min(number + room, self._schedule.quiet_until)

    def begin(self, loss: Any) -> bool:
        """Begin a step, and return whether it goes this way.

        Args:
            loss: The step's loss, as the loop has it.
        """
        if self._is_traced():
            return False
        moment = perf_counter()
        number = self.number
        if number >= self._until or number >= self._schedule.quiet_until or self.is_open:
            return False
        try:
            if type(loss) is _Tensor and loss.is_cpu:
                value: Loss | None = loss.item()
                if type(value) is not float:
                    return False
            else:
                value = measured_loss(loss)
        except Exception:  # noqa: BLE001 - the long way says what is wrong with it
            return False
        if value is None:
            return False
        self._loss, self._seconds, self.moment = value, moment - self.moment, moment
        if self._clock.has_batches:
            self._data = self._clock.take()
        self.is_open = True
        if not number % TIMED_EVERY:
            self._pace.stepped(moment, 1)
        return True

    def before_update(self, optimizer: torch.optim.Optimizer, _: Any, __: Any) -> None:
        """Note that an update begins; a hook before the optimizer's step.

        Args:
            optimizer: What is stepped.
        """
        self.is_updating = True
        if not self.is_open:
            self._before_another(optimizer)

    def end(self, optimizer: torch.optim.Optimizer, _: Any, __: Any) -> None:
        """End the step that is open; a hook after the optimizer's step.

        Args:
            optimizer: What was stepped.
        """
        self.is_updating = False
        if self._is_traced() or not self.is_open or "found_inf" in optimizer.__dict__:
            self._otherwise(optimizer)
            return
        number = self.number
        started = None if number % TIMED_EVERY else perf_counter()
        groups, known = optimizer.param_groups, self._known
        is_known = len(groups) == len(known) and (
            groups[0].get("lr") is known[0]
            if len(known) == 1
            else all(map(is_, [group.get("lr") for group in groups], known))
        )
        if not is_known and not self._read_rates(groups):
            self._otherwise(optimizer)
            return
        self._append((number, self.moment, self._seconds, self._loss, self._data, self._latest))
        self.is_open = False
        self.number = number = number + 1
        if started is not None:
            self._pace.stepped(started)
        if number >= self._until or self.moment >= self._flush_at:
            self._otherwise(optimizer)

    def _read_rates(self, groups: Sequence[Mapping[str, Any]]) -> bool:
        """Read learning rates that are not those of the step before; the next may be."""
        try:
            self._latest = self._rates.read()
        except Exception:  # noqa: BLE001 - the long way says what is wrong with them
            return False
        rates = [group["lr"] for group in groups]
        # another may be written to in place
        self._known = rates if all(type(rate) is float for rate in rates) else ()
        return True

    def leave(self) -> Step | None:
        """Close this way, and return the step that is open, to be ended the long way."""
        if self._until:
            self._until = 0
            self._clock.last = self.moment
            self._clock.total += self.moment - self._entered
        if not self.is_open:
            return None
        self.is_open = False
        self.number += 1
        return Step(self.number - 1, self.moment, self._seconds, self._loss, data=self._data)

    @property
    def is_entered(self) -> bool:
        """Whether the next step may come this way, or one that is open does."""
        return self._until > 0


_here: weakref.WeakSet[ShortWay] = weakref.WeakSet()


def _close_all() -> None:
    """In a forked child nothing is recorded: the long way knows."""
    for one in _here:
        one.is_open = False
        one.leave()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_all)
