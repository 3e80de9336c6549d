"""A loop that tuneguard records."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Any

import numpy as np
import torch
from mlflow import MlflowClient

from benchmarks.cost.alternation import Treatment
from benchmarks.cost.loops import TrainingLoop, make_loop
from benchmarks.cost.synchronisations import counted_reads
from tuneguard import TuneGuardCallback, keys
from tuneguard.recording.budget import Background
from tuneguard.storage.record import Record, load_record
from tuneguard.storage.sink import Sink

Hooks = tuple[OrderedDict[int, Any], ...]
_PLACES = ("_optimizer_step_pre_hooks", "_optimizer_step_post_hooks")


class Recorded(Treatment):
    """The callback at its defaults, recording into the run that is active.

    Between its blocks the loop trains on as if there were no callback.

    Args:
        loop: What is recorded.
    """

    def __init__(self, loop: TrainingLoop) -> None:
        self._bare_hooks = _hooks_of(loop.optimizer)
        self.guard = TuneGuardCallback(loop.model, loop.optimizer)
        self._own_hooks = _hooks_of(loop.optimizer)
        self.after_backward = self.guard.on_after_backward
        self._loop = loop
        # what a block leaves behind is not to be written while the bare loop trains
        self.sink.on_idle = _nothing
        self._paused = time.perf_counter()

    @property
    def sink(self) -> Sink:
        """Where the callback hands over what it measured."""
        return self.guard._sink  # noqa: SLF001 - only a benchmark has to wait for it

    @property
    def next_step(self) -> int:
        """How many steps were recorded, which is the number of the next."""
        recorder = self.guard._recorder  # noqa: SLF001 - nothing else knows
        return max(recorder._next, recorder.short_way.number)  # noqa: SLF001

    def resume(self) -> None:
        """Begin a block; the pause before it is none of the loop's time."""
        _put_hooks(self._loop.optimizer, self._own_hooks)
        recorder = self.guard._recorder  # noqa: SLF001 - the pauses are the benchmark's own
        paused = time.perf_counter() - self._paused
        recorder.clock.last += paused
        recorder.short_way.moment += paused
        recorder.short_way._entered += paused  # noqa: SLF001 - the same

    def pause(self) -> None:
        """End a block: let the loop be bare."""
        _put_hooks(self._loop.optimizer, self._bare_hooks)
        self._paused = time.perf_counter()

    def count_background(self, background: Background) -> None:
        """Have another account of what works beside the loop, where that goes on in pauses."""
        budget = self.guard._recorder._pace._budget  # noqa: SLF001 - the pauses are the benchmark's
        if budget is not None:
            budget._background = background  # noqa: SLF001 - the same
            budget._window.background = background.cpu_seconds  # noqa: SLF001 - the same

    def validate(self) -> None:
        """Have what was recorded so far delivered: that waits for the first validation."""
        self.guard.on_validation_end({"loss": 1.0})

    @property
    def failed(self) -> set[str]:
        """Names of the methods that failed, which are silent in a loop."""
        return self.guard.failed | self.guard._recorder.failed  # noqa: SLF001 - nothing else tells

    @property
    def is_armed(self) -> bool:
        """Whether hooks on the model lie in wait for the next step, whose units are looked at."""
        return self.guard._recorder._pace.is_for_units  # noqa: SLF001 - nothing else knows

    def drained(self) -> bool:
        return self.sink.is_drained and not self.is_armed

    def close(self) -> None:
        self.guard.close()


def _hooks_of(optimizer: torch.optim.Optimizer) -> Hooks:
    return tuple(OrderedDict(getattr(optimizer, name)) for name in _PLACES)


def _put_hooks(optimizer: torch.optim.Optimizer, hooks: Hooks) -> None:
    for name, own in zip(_PLACES, hooks, strict=True):
        there = getattr(optimizer, name)
        there.clear()
        there.update(own)


def _nothing() -> None:
    """Leave what lies there."""


def recorder_waits(name: str, steps: int = 30) -> float:
    """Return how often a recorded step waits for the device, without a device.

    What was measured is kept unread: that the copies to the host are asynchronous can only be
    seen where there is a device.

    Args:
        name: A key of `LOOPS`.
        steps: How many steps are taken.

    Raises:
        RuntimeError: The recorder failed, so nothing is known.
    """
    loop = make_loop(name, "meta")
    recorded = Recorded(loop)
    kept: list[object] = []
    recorded.sink.put = kept.append  # type: ignore[method-assign] # nothing is to be read
    with counted_reads() as reads:
        for _ in range(steps):
            loop.step(recorded)
    failed = recorded.failed
    recorded.close()
    if failed or not kept:
        raise RuntimeError(f"The recorder failed on the meta device: {failed or 'no packets'}.")
    return reads.waits / steps


def record_of(run_id: str) -> Record:
    """Return the full record of a run.

    Raises:
        RuntimeError: There is none.
    """
    record = load_record(MlflowClient(), run_id)
    if record is None:
        raise RuntimeError(f"Run {run_id} has no record.")
    return record


def layer_samples(record: Record, first: int, last: int) -> float:
    """Return at how many of a thousand steps a layer's gradient was recorded, by mean over layers.

    Args:
        record: What the run keeps.
        first: The step to count from.
        last: The step to count to, not counted itself.
    """
    counts = [
        int(np.count_nonzero((steps >= first) & (steps < last)))
        for key, (steps, _) in record.points.items()
        if key.startswith(f"{keys.GRADIENT_NORM}/") and key != keys.GRADIENT_NORM_GLOBAL
    ]
    return 1000.0 * float(np.mean(counts)) / (last - first) if counts else 0.0


def median_of(record: Record, key: str) -> float | None:
    """Return the median of what was recorded under `key` in the second half of the run."""
    _, values = record.points.get(key, (None, np.empty(0)))
    return float(np.median(values[len(values) // 2 :])) if len(values) else None


def parameter_count(model: torch.nn.Module) -> int:
    """Return how many numbers a model learns."""
    return sum(one.numel() for one in model.parameters())
