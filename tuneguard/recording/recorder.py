"""Puts together what is measured at a step, and hands it over in packets."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from tuneguard.recording.budget import TIMED_EVERY, Budget
from tuneguard.recording.cut_accumulations import CutAccumulations
from tuneguard.recording.device_copy import DeviceCopy
from tuneguard.recording.layers import Layers
from tuneguard.recording.learning_rates import LearningRates
from tuneguard.recording.loop_clock import LoopClock
from tuneguard.recording.loss_mean import Loss, LossMean
from tuneguard.recording.outlet import Outlet
from tuneguard.recording.pace import Pace
from tuneguard.recording.sample_reader import SampleReader
from tuneguard.recording.sampler import Sampler
from tuneguard.recording.samples import Sample
from tuneguard.recording.schedule import Look, Schedule
from tuneguard.recording.shared_samples import SharedSamples
from tuneguard.recording.short_way import ShortWay
from tuneguard.recording.sketch import Sketch
from tuneguard.recording.skipped_steps import SkippedSteps
from tuneguard.recording.step_packet import StepPacket, TakenSample
from tuneguard.recording.step_rows import Step, StepRows, drained
from tuneguard.recording.unbreakable import unbreakable
from tuneguard.recording.units import UnitStatistics

FLUSH_SECONDS = 2.0
FLUSH_STEPS = 2000
_HELD_SAMPLES = 64


class Recorder:
    """Follows the optimizer steps of one training loop.

    A step begins when its gradient is complete and ends with the optimizer's step, or, where not
    every optimizer was stepped, with the next gradient. Loss, learning rates and times of every
    step are kept; gradients and updates are sampled at the steps that the schedule says. The steps
    in between go the short way.

    Args:
        layers: The model's parameters.
        optimizers: Their steps are hooked.
        outlet: Where packets go.
        scaler: What scales the loss, if anything does.
        flush_every: Steps in a packet, at most.
        schedule: Which steps are looked at closely.
        budget: Decides the schedule's stride; `None` leaves it as it is.
        first_step: The number of the first step, for a training that goes on.
        losses: Collects the losses of micro-batches, where a step has several.
        shares: Where parameters are sharded, by what the squares of each one's shard count.
        averaged_over: How many ranks a gradient is averaged over.
        looks_at_norms_only: Whether somebody else samples the rest: another rank.
        units: Looks at the units at some of the sampled steps, if anything does.

    Attributes:
        short_way: What a step is offered to before it is begun here.
        shared: Compares the samples that are trained on with those validated on.
    """

    def __init__(  # noqa: PLR0913 - the loop's own objects, and how closely to look
        self,
        layers: Layers,
        optimizers: Sequence[torch.optim.Optimizer],
        outlet: Outlet,
        *,
        scaler: torch.amp.GradScaler | None = None,
        flush_every: int = FLUSH_STEPS,
        schedule: Schedule | None = None,
        budget: Budget | None = None,
        first_step: int = 0,
        shares: NDArray[np.float64] | None = None,
        averaged_over: int = 1,
        looks_at_norms_only: bool = False,
        units: UnitStatistics | None = None,
        losses: LossMean | None = None,
    ) -> None:
        self.process = os.getpid()
        self.failed: set[str] = set()
        self.clock = LoopClock()
        self._pace = Pace(schedule or Schedule(), budget, first_step)
        self._outlet = outlet
        self.shared = SharedSamples(self._pace, outlet, is_idle=looks_at_norms_only)
        self._flush_every = flush_every
        sketch = (
            Sketch(()) if looks_at_norms_only else Sketch(layers.parameters, layers.of_parameters)
        )
        self._sampler = Sampler(
            layers, sketch, optimizers, scaler, units, is_averaged=averaged_over > 1
        )
        self._reader = SampleReader(layers, sketch, averaged_over, shares)
        self._losses = losses
        self._rates = LearningRates(optimizers)
        self._rows = StepRows()
        otherwise = self._before_update, self._updated
        self.short_way = ShortWay(
            optimizers, self._pace, self._rates, self.clock, self._rows, otherwise=otherwise
        )
        self._goes_short = losses is None or losses.is_single
        self._handing_over = threading.Lock()
        self._samples: list[TakenSample] = []
        self._flush_at = time.perf_counter() + FLUSH_SECONDS
        self._next = first_step
        self._step: Step | None = None
        self._skipped = SkippedSteps(self._rows)
        self._cut_accumulations = CutAccumulations(first_step)
        self._optimizer_count = len(optimizers)
        befores = [one.register_step_pre_hook(self.short_way.before_update) for one in optimizers]
        afters = [one.register_step_post_hook(self.short_way.end) for one in optimizers]
        self._hooks = [*befores, *afters]

    def micro_batch(self) -> None:
        """Take in that a micro-batch was added to a gradient which is not complete yet."""
        if self._pace.look is Look.SAMPLE and not self.short_way.is_updating:
            started = time.perf_counter()
            self._sampler.micro_batch()
            self._pace.sampled(started)

    def begin_step(self, loss: Loss | None, entered: float | None = None) -> None:
        """Begin a step: its gradient is complete.

        Args:
            loss: The step's loss, of one element; `None` where it is not known.
            entered: When the loop called, in seconds of `time.perf_counter`.
        """
        if self.short_way.is_updating and (self._step is not None or self.short_way.is_open):
            # the optimizer evaluates a closure once more, within one and the same step
            self._sampler.evaluated_again()
            return
        self._leave_short_way()
        if self._step is not None:
            self._end_step(self._step)
            # the step that begins here goes the long way
            self._leave_short_way()
        moment = time.perf_counter() if entered is None else entered
        step = Step(self._next, moment, self.clock.step(moment), loss, self._pace.look)
        if self.clock.has_batches:
            step.data = self.clock.take()
        self._next += 1
        self._step = step
        if step.look is Look.SAMPLE:
            step.sample = self._sampler.gradient(step.number)
            self._pace.sampled(moment - self._sampler.spent_in_forward(), 1)
        elif step.number % TIMED_EVERY == 0:
            self._pace.stepped(moment, 1)
        if self.short_way.is_updating and step.look is not Look.NOT:
            self._sample_before_update(step, is_in_closure=True)

    def add(self, values: Mapping[str, float]) -> None:
        """Take values that belong to the step reached, by metric key."""
        self._leave_short_way()
        self.clock.interrupt()
        now, reached = time.perf_counter(), max(self._next - 1, 0)
        for key, value in values.items():
            self._rows.add_single(key, reached, now, value)
        self.shared.hand_over(reached)
        if self._step is None and (now > self._flush_at or self._is_full()):
            self._flush(now)

    def close(self) -> None:
        """Hand over what is left, and let go of the optimizers."""
        for hook in self._hooks:
            hook.remove()
        self._sampler.close()
        self._leave_short_way()
        self._goes_short = False
        if self._step is not None:
            self._end_step(self._step)
        self.shared.hand_over(max(self._next - 1, 0), is_last=True)
        self._flush(time.perf_counter())

    def _before_update(self, _: torch.optim.Optimizer) -> None:
        self._leave_short_way()
        if self._step is None:
            self._cut_accumulation_short()
        elif self._step.look is not Look.NOT:
            self._sample_before_update(self._step)

    @unbreakable
    def loop_stands_still(self) -> None:
        """Hand over, on the writer's thread, what the loop has left lying for a while.

        What is on a device waits for the loop: the order of its work is known there only.
        """
        if not any(tensor.device.type != "cpu" for tensor in self._rows.tensors()):
            self._hand_over()

    @unbreakable
    def _cut_accumulation_short(self) -> None:
        """Begin a step with fewer micro-batches than others: the last of an epoch, say.

        Its gradient is not recorded: it may be clipped by now.
        """
        if self._losses is None or not self._losses.is_begun or self._losses.is_told:
            return
        self._sampler.forget_micro_batches()
        if self._pace.look is Look.SAMPLE:
            self._pace.look = Look.LEAD_IN
        self._cut_accumulations.seen(self._next)
        self.begin_step(self._losses.take())

    @unbreakable
    def _sample_before_update(self, step: Step, *, is_in_closure: bool = False) -> None:
        if step.updates:
            return
        started = time.perf_counter()
        if step.sample is None:
            step.sample = Sample(step.number)
        self._sampler.before_update(step.sample, is_in_closure=is_in_closure)
        self._pace.sampled(started)

    @unbreakable
    def _updated(self, optimizer: torch.optim.Optimizer) -> None:
        was_short = self._leave_short_way()
        step = self._step
        if step is None:
            if was_short:
                self._go_on(self.short_way.moment)
            return
        started = time.perf_counter()
        if not step.updates:
            step.rates = self._rates.read()
        step.updates += 1
        if step.updates == 1:
            self._skipped.add_found_inf(step, optimizer)
        if step.look is Look.SAMPLE and step.sample is not None:
            self._sampler.after_update(step.sample)
            self._pace.sampled(started)
        elif step.look is Look.NOT and step.number % TIMED_EVERY == 0:
            self._pace.stepped(started)
        if step.updates >= self._optimizer_count:
            self._end_step(step)

    def _leave_short_way(self) -> bool:
        """Take over from the short way, and return whether it was open."""
        if not self.short_way.is_entered:
            return False
        self._step = self.short_way.leave()
        self._next = self.short_way.number
        return True

    def _end_step(self, step: Step) -> None:
        if not step.updates and not self.short_way.is_updating:
            self._skipped.add(step)
        if step.sample is not None:
            copy = DeviceCopy(step.sample.tensors())
            self._samples.append((step.sample, step.moment, copy))
            step.sample = None
        self._rows.steps.append(step.row)
        self._step = None
        self._go_on(step.moment)

    def _go_on(self, moment: float) -> None:
        """Make ready for the next step."""
        if moment > self._flush_at or self._is_full():
            self._flush(moment)
        self._pace.advance(self._next)
        if self._pace.look is Look.SAMPLE:
            self._sampler.foresee()
        if self._pace.is_for_units:
            started = time.perf_counter()
            self._sampler.foresee_units()
            self._pace.sampled(started)
        if self._goes_short and self._pace.look is Look.NOT:
            room = self._flush_every - len(self._rows)
            self.short_way.enter(self._next, self._flush_at, room)

    def _is_full(self) -> bool:
        return len(self._rows) >= self._flush_every or len(self._samples) >= _HELD_SAMPLES

    def _flush(self, now: float) -> None:
        self._flush_at = now + FLUSH_SECONDS
        reached = max(self._next - 1, 0)
        for key, value in self._pace.settle(self._next, self.clock.total).items():
            self._rows.add_single(key, reached, now, value)
        self._hand_over()

    def _hand_over(self) -> None:
        with self._handing_over:
            rows, samples = self._rows.drain(), drained(self._samples)
            if len(rows):
                self._outlet.put(
                    StepPacket(rows, samples, self._reader, self._rates.names, self._pace.watch)
                )
