"""The recorded loop against the bare one in short slices, on a machine that is never quiet.

Whatever slows the machine for seconds slows the slices on both sides alike, so much smaller
differences show than in blocks. The price: what is done beside the loop falls into slices of both
kinds, so its processor time is counted apart.
"""

from __future__ import annotations

import math
import time

import mlflow
import numpy as np
import torch

from benchmarks.cost.alternation import Arm
from benchmarks.cost.intervals import Spent
from benchmarks.cost.loops import LOOPS, TrainingLoop, make_loop
from benchmarks.cost.recorded import Recorded, layer_samples, record_of
from benchmarks.cost.recorder_cost import SETTLING_BLOCKS, StartUp, settle
from benchmarks.cost.results import Row, load_average

SLICE_SECONDS = 0.05
_WAIT_SECONDS = 0.1
_FEWEST_STEPS = 2
_GROUPS = 30


class _OwnTime:
    """What works beside the loop, as if deliveries stood still while the bare loop trains.

    Args:
        treatment: What records the loop, half of the time.
    """

    def __init__(self, treatment: Recorded) -> None:
        self._treatment = treatment

    @property
    def cpu_seconds(self) -> float:
        """Processor seconds."""
        writer, delivery = _beside(self._treatment)
        return writer + 0.5 * delivery


def measure_slices(name: str, seconds: float, block: float) -> Row:
    """Train a loop in slices, recorded and bare in turn, and return what they took.

    Args:
        name: A key of `LOOPS`.
        seconds: How long, in total.
        block: Seconds of a block of the other measurement, which sets how long the loop settles.
    """
    torch.set_num_threads(1)
    load = load_average()
    loop = make_loop(name)
    bare, recorded = Arm(loop), Arm(loop)
    with mlflow.start_run() as run:
        alone = bare.block(2.0)
        treatment = Recorded(loop)
        treatment.pause()
        settle(recorded, bare, treatment, StartUp(0.0, 0.0, 0.0), SETTLING_BLOCKS * block)
        first_step, before = treatment.next_step, _beside(treatment)
        treatment.count_background(_OwnTime(treatment))
        steps = max(_FEWEST_STEPS, math.ceil(SLICE_SECONDS * alone.steps / alone.wall))
        started = time.perf_counter()
        pairs = _pairs(loop, treatment, steps, seconds)
        passed = time.perf_counter() - started
        last_step = treatment.next_step
        while not treatment.drained():
            time.sleep(_WAIT_SECONDS)
        writer, delivery = np.subtract(_beside(treatment), before)
        treatment.close()
    taken = sum(own.seconds for own, _ in pairs)
    return {
        "loop": name,
        "title": LOOPS[name].title,
        "recorded": _grouped([own for own, _ in pairs]),
        "bare": _grouped([other for _, other in pairs]),
        # deliveries come by the clock, so they go on in the bare slices
        "background": float(writer / taken + delivery / passed),
        "layer_samples": layer_samples(record_of(run.info.run_id), first_step, last_step),
        "load": [load, load_average()],
    }


def _pairs(
    loop: TrainingLoop, treatment: Recorded, steps: int, seconds: float
) -> list[tuple[Spent, Spent]]:
    """Return a recorded slice and a bare one, again and again, each first by turns."""

    def bare() -> Spent:
        started = time.perf_counter()
        for _ in range(steps):
            loop.step()
        return Spent(steps, time.perf_counter() - started)

    def recorded() -> Spent:
        treatment.resume()
        taken, started = 0, time.perf_counter()
        while taken < steps or treatment.is_armed:
            loop.step(treatment)
            taken += 1
        spent = Spent(taken, time.perf_counter() - started)
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


def _beside(treatment: Recorded) -> tuple[float, float]:
    """Processor seconds of the writer and of the delivery so far."""
    sink = treatment.sink
    delivery = sink._delivery.cpu_seconds  # noqa: SLF001 - each counts against another time
    return sink.cpu_seconds - delivery, delivery


def _grouped(slices: list[Spent]) -> list[list[float]]:
    """Add up neighbouring slices: the bootstrap draws groups, for a disturbance lasts longer."""
    size = max(1, math.ceil(len(slices) / _GROUPS))
    groups = [slices[first : first + size] for first in range(0, len(slices), size)]
    return [[sum(one.steps for one in own), sum(one.seconds for one in own)] for own in groups]
