"""Loops that train in turn, block by block, in one process."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import torch

from benchmarks.cost.intervals import Spent
from benchmarks.cost.loops import TrainingLoop, Watcher
from benchmarks.cost.processes import cpu_seconds

CHUNK_SECONDS = 0.02
# deliveries are up to 15 s apart
LONGEST_WAIT = 25.0


class Treatment(Watcher, Protocol):
    """Something that watches a loop, and keeps what it saw."""

    def resume(self) -> None:
        """Begin a block after a pause."""

    def pause(self) -> None:
        """End a block."""

    def drained(self) -> bool:
        """Have what was seen stored, or tell whether it is."""

    def close(self) -> None:
        """Let go of the loop."""


class Block(NamedTuple):
    """Steps taken in one go.

    Attributes:
        steps: How many.
        wall: Seconds by the clock on the wall.
        cpu: Processor seconds of the process, all its threads and its children.
        drained: Whether nothing was left to be stored.
    """

    steps: int
    wall: float
    cpu: float
    drained: bool = True


@dataclass
class Arm:
    """A loop with what watches it, and the blocks that it has trained.

    Attributes:
        working_share: Share of a block that is spent on steps; the rest stores what they left.
    """

    loop: TrainingLoop
    treatment: Treatment | None = None
    working_share: float = 1.0
    blocks: list[Block] = field(default_factory=list)

    def block(self, seconds: float) -> Block:
        """Train for at least `seconds`, and go on until nothing is left to be stored."""
        if self.treatment is not None:
            self.treatment.resume()
        gc.collect()
        before, cpu, started = self.loop.steps, cpu_seconds(), time.perf_counter()
        is_drained = False
        while not is_drained or time.perf_counter() - started < seconds:
            self._work(seconds * self.working_share if self.loop.steps == before else 0.0)
            is_drained = self.treatment is None or self.treatment.drained()
            if time.perf_counter() - started > seconds + LONGEST_WAIT:
                break
        _wait_for_device(self.loop)
        wall, cpu = time.perf_counter() - started, cpu_seconds() - cpu
        if self.treatment is not None:
            self.treatment.pause()
        return Block(self.loop.steps - before, wall, cpu, is_drained)

    def calibrate(self, seconds: float = 0.3) -> None:
        """Find out how much of a block goes into storing, so that a block is not too long."""
        started = time.perf_counter()
        self._work(seconds)
        worked = time.perf_counter() - started
        if self.treatment is not None:
            self.treatment.drained()
        self.working_share = worked / (time.perf_counter() - started)

    def spent(self) -> list[Spent]:
        """Return the steps and wall-clock seconds of each block."""
        return [Spent(one.steps, one.wall) for one in self.blocks]

    def _work(self, seconds: float) -> None:
        """Train for `seconds`, a few steps at least: the clock is not read at every step."""
        end = time.perf_counter() + max(seconds, CHUNK_SECONDS)
        while time.perf_counter() < end:
            for _ in range(4):
                self.loop.step(self.treatment)


def alternate(arms: Sequence[Arm], rounds: int, seconds: float) -> None:
    """Train the arms in turn, a block each, the other way round in every other round."""
    for number in range(rounds):
        for arm in arms if number % 2 == 0 else reversed(arms):
            arm.blocks.append(arm.block(seconds))


def _wait_for_device(loop: TrainingLoop) -> None:
    device = loop.batches[0][0].device
    if device.type == "cuda":
        torch.cuda.synchronize(device)
