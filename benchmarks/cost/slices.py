"""The recorded loop against the bare one in short slices, on a machine that is never quiet.

Whatever slows the machine for seconds slows the slices on both sides alike, so much smaller
differences show than in blocks. The price: what is done beside the loop falls into slices of both
kinds, so its processor time is counted apart.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import mlflow
import torch

from benchmarks.cost.alternation import Arm
from benchmarks.cost.intervals import Spent
from benchmarks.cost.loops import LOOPS, TrainingLoop, make_loop
from benchmarks.cost.recorded import Recorded, layer_samples, record_of
from benchmarks.cost.recorder_cost import StartUp, settle
from benchmarks.cost.results import Row, load_average

SLICE_SECONDS = 0.1
_FEWEST_STEPS = 2
_GROUPS = 30


def measure_slices(name: str, seconds: float) -> Row:
    """Train a loop in slices, recorded and bare in turn, and return what they took.

    Args:
        name: A key of `LOOPS`.
        seconds: How long, in total.
    """
    torch.set_num_threads(1)
    load = load_average()
    loop = make_loop(name)
    bare, recorded = Arm(loop), Arm(loop)
    with mlflow.start_run() as run:
        alone = bare.block(2.0)
        treatment = Recorded(loop)
        treatment.pause()
        settle(recorded, bare, treatment, StartUp(0.0, 0.0, 0.0))
        first_step, background = treatment.next_step, treatment.sink.cpu_seconds
        steps = max(_FEWEST_STEPS, math.ceil(SLICE_SECONDS * alone.steps / alone.wall))
        pairs = _pairs(loop, treatment, steps, seconds)
        last_step = treatment.next_step
        while not treatment.drained():
            time.sleep(SLICE_SECONDS)
        background = treatment.sink.cpu_seconds - background
        treatment.close()
    taken = sum(own.seconds for own, _ in pairs)
    return {
        "loop": name,
        "title": LOOPS[name].title,
        "recorded": _grouped([own for own, _ in pairs]),
        "bare": _grouped([other for _, other in pairs]),
        "background": background / taken,
        "layer_samples": layer_samples(record_of(run.info.run_id), first_step, last_step),
        "load": [load, load_average()],
    }


def _pairs(
    loop: TrainingLoop, treatment: Recorded, steps: int, seconds: float
) -> list[tuple[Spent, Spent]]:
    """Return a recorded slice and a bare one, again and again, each first by turns."""

    def bare() -> Spent:
        return _slice(steps, loop.step)

    def recorded() -> Spent:
        spent = _slice(steps, lambda: loop.step(treatment), treatment.resume)
        treatment.pause()
        return spent

    pairs: list[tuple[Spent, Spent]] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        if len(pairs) % 2:
            other = bare()
            pairs.append((recorded(), other))
        else:
            own = recorded()
            pairs.append((own, bare()))
    return pairs


def _slice(
    steps: int, step: Callable[[], object], begin: Callable[[], object] | None = None
) -> Spent:
    started = time.perf_counter()
    if begin is not None:
        begin()
    for _ in range(steps):
        step()
    return Spent(steps, time.perf_counter() - started)


def _grouped(slices: list[Spent]) -> list[list[float]]:
    """Add up neighbouring slices: the bootstrap draws groups, for a disturbance lasts longer."""
    size = max(1, math.ceil(len(slices) / _GROUPS))
    groups = [slices[first : first + size] for first in range(0, len(slices), size)]
    return [[sum(one.steps for one in own), sum(one.seconds for one in own)] for own in groups]
