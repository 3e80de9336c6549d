"""Puts together what is measured at a step, and hands it over in packets."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Protocol

import torch

from tuneguard import keys
from tuneguard.recording.gradients import gradient_norms
from tuneguard.recording.layers import Layers
from tuneguard.recording.loop_clock import LoopClock
from tuneguard.recording.loss_mean import Loss
from tuneguard.recording.schedule import Schedule
from tuneguard.recording.step_packet import Step, StepPacket
from tuneguard.recording.unbreakable import unbreakable
from tuneguard.recording.updates import UpdateSample

FLUSH_SECONDS = 2.0


class Outlet(Protocol):
    """Where packets go."""

    def put(self, packet: StepPacket) -> None:
        """Take a packet without waiting."""


class Recorder:
    """Follows the optimizer steps of one training loop.

    A step begins when its gradient is complete and ends with the optimizer's step, or, where the
    optimizer was not stepped, with the next gradient.

    Args:
        layers: The model's parameters.
        optimizer: Its steps are hooked.
        outlet: Where packets go.
        scaler: What scales the loss, if anything does.
        flush_every: Steps in a packet, at most.
        schedule: Which steps are measured how closely.
        first_step: The number of the first step, for a training that goes on.
    """

    def __init__(  # noqa: PLR0913 - the loop's own objects, and how closely to look
        self,
        layers: Layers,
        optimizer: torch.optim.Optimizer,
        outlet: Outlet,
        *,
        scaler: torch.amp.GradScaler | None = None,
        flush_every: int = 50,
        schedule: Schedule | None = None,
        first_step: int = 0,
    ) -> None:
        self.process = os.getpid()
        self.failed: set[str] = set()
        self.clock = LoopClock()
        self.skipped = 0
        self._layers = layers
        self._optimizer = optimizer
        self._outlet = outlet
        self._scaler = scaler
        self._flush_every = flush_every
        self._schedule = schedule or Schedule()
        self._updates = UpdateSample(layers.parameters)
        self._buffer: list[Step] = []
        self._flushed = time.monotonic()
        self._open: Step | None = None
        self._is_updating = False
        self._next = first_step
        self._skipped_on_device: torch.Tensor | None = None
        self._hooks = (
            optimizer.register_step_pre_hook(lambda *_: self._before_update()),
            optimizer.register_step_post_hook(lambda *_: self._after_update()),
        )

    def begin_step(self, loss: Loss | None) -> None:
        """Measure a gradient that is complete; `loss` has one element, or is not known."""
        if self._open is not None:
            if self._is_updating:
                # the optimizer evaluates a closure once more, within one and the same step
                return
            self._count_as_skipped(self._open)
            self._end_step()
        step = Step(self._next, _now(), known=self.clock.step())
        self._next += 1
        if isinstance(loss, torch.Tensor):
            step.on_device[keys.TRAIN_LOSS] = loss
        elif loss is not None:
            step.known[keys.TRAIN_LOSS] = loss
        self._open = step
        if self._schedule.takes_gradient(step.number):
            positions, norms = gradient_norms(self._layers.parameters)
            if positions:
                step.gradient_of = positions
                step.gradient = self._unscaled(norms)
        if self._is_updating:
            self._measure_before_update(step)

    def add(self, values: Mapping[str, float]) -> None:
        """Take values that belong to the step reached, by metric key."""
        self.clock.interrupt()
        self._buffer.append(Step(max(self._next - 1, 0), _now(), known=dict(values)))
        self._flush_if_due()

    def close(self) -> None:
        """Hand over what is left, and let go of the optimizer."""
        for hook in self._hooks:
            hook.remove()
        if self._open is not None:
            self._end_step()
        self._flush()

    @unbreakable
    def _before_update(self) -> None:
        self._is_updating = True
        if self._open is not None:
            self._measure_before_update(self._open)

    def _measure_before_update(self, step: Step) -> None:
        for index, group in enumerate(self._optimizer.param_groups):
            key = _learning_rate_key(group.get("name", index))
            rate = group["lr"]
            if isinstance(rate, torch.Tensor):
                step.on_device[key] = rate.detach().clone()
            else:
                step.known[key] = float(rate)
        self._count_found_inf(step)
        if self._schedule.takes_update(step.number):
            self._updates.before()

    @unbreakable
    def _after_update(self) -> None:
        self._is_updating = False
        if self._open is not None:
            self._open.update = self._updates.after()
            self._end_step()

    def _count_as_skipped(self, step: Step) -> None:
        self.skipped += 1
        step.known[keys.SKIPPED_STEPS] = float(self.skipped)

    def _count_found_inf(self, step: Step) -> None:
        """A fused optimizer is told on the device that it has to skip a step: its hooks fire."""
        found_inf = getattr(self._optimizer, "found_inf", None)
        if isinstance(found_inf, torch.Tensor):
            before = self._skipped_on_device
            self._skipped_on_device = found_inf + (0 if before is None else before)
            step.on_device[keys.SKIPPED_STEPS] = self._skipped_on_device

    def _end_step(self) -> None:
        if self._open is not None:
            self._buffer.append(self._open)
            self._open = None
            self._flush_if_due()

    def _flush_if_due(self) -> None:
        is_old = time.monotonic() - self._flushed > FLUSH_SECONDS
        if len(self._buffer) >= self._flush_every or is_old:
            self._flush()

    def _flush(self) -> None:
        self._flushed = time.monotonic()
        steps, self._buffer = self._buffer, []
        if steps:
            self._outlet.put(StepPacket(steps, self._layers, self._updates.positions))

    def _unscaled(self, norms: torch.Tensor) -> torch.Tensor:
        if self._scaler is None or self._is_unscaled():
            return norms
        scale: torch.Tensor = self._scaler.scale(torch.ones((), device=norms.device))
        return norms / scale

    def _is_unscaled(self) -> bool:
        """Whether `scaler.unscale_` was called for this step already."""
        states = getattr(self._scaler, "_per_optimizer_states", {})
        stage = states.get(id(self._optimizer), {}).get("stage") if states else None
        return getattr(stage, "name", "") == "UNSCALED"


@lru_cache
def _learning_rate_key(group: str | int) -> str:
    return keys.safe(f"{keys.LEARNING_RATE}/{group}")


def _now() -> int:
    return time.time_ns() // 1_000_000
