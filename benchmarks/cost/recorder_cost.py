"""What the recorder costs on one loop: start-up, the long run, and the end, each by itself."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass

import mlflow
import torch

from benchmarks.cost.alternation import Arm, alternate
from benchmarks.cost.loops import LOOPS, make_loop
from benchmarks.cost.processes import peak_megabytes
from benchmarks.cost.recorded import (
    Recorded,
    layer_samples,
    median_of,
    parameter_count,
    record_of,
    recorder_waits,
)
from benchmarks.cost.results import Row, load_average
from tuneguard import keys
from tuneguard.recording.schedule import DENSE_STEPS

FIRST_STEPS = 100
# after 40 seconds the recorder knows what deliveries take
SETTLING_BLOCKS = 10
LONGEST_SETTLING = 90.0


@dataclass
class StartUp:
    """What happens once.

    Attributes:
        constructor: Seconds that the callback's constructor takes.
        first_steps: Ratio of the first 100 recorded steps to 100 bare ones beside them.
        first_delivery: Processor seconds of the threads beside the loop until what was recorded
            first is delivered: MLflow's own start-up is in it.
        close: Seconds from the last step until everything is delivered.
    """

    constructor: float
    first_steps: float
    first_delivery: float
    close: float = 0.0


def measure_recorder(name: str, rounds: int, seconds: float, threads: int, device: str) -> Row:
    """Train a recorded loop between two bare ones, and return what was measured.

    Args:
        name: A key of `LOOPS`.
        rounds: Blocks of each loop.
        seconds: Length of a block, at least.
        threads: Threads that torch may use.
        device: Where the loops train.
    """
    torch.set_num_threads(threads)
    load = load_average()
    # one model for all: the place of another in memory makes a difference of its own
    loop = make_loop(name, device)
    first, recorded, second = (Arm(loop) for _ in range(3))
    with mlflow.start_run() as run:
        first.block(2.0)
        memory = peak_megabytes()
        on_device = _peak_on_device()
        started = time.perf_counter()
        treatment = Recorded(loop)
        start_up = StartUp(time.perf_counter() - started, 0.0, 0.0)
        treatment.pause()
        settle(recorded, first, treatment, start_up, SETTLING_BLOCKS * seconds)
        step = treatment.next_step
        alternate((first, recorded, second), rounds, seconds)
        last_step = treatment.next_step
        memory = peak_megabytes() - memory
        on_device = _peak_on_device() - on_device
        started = time.perf_counter()
        treatment.close()
        start_up.close = time.perf_counter() - started
    record = record_of(run.info.run_id)
    return {
        "loop": name,
        "title": LOOPS[name].title,
        "threads": threads,
        "parameters": parameter_count(loop.model),
        "first": first.blocks,
        "recorded": recorded.blocks,
        "second": second.blocks,
        "start_up": asdict(start_up),
        "memory": memory,
        "device_bytes": on_device,
        "layer_samples": layer_samples(record, step, last_step),
        "bytes_per_step": record.size / last_step,
        "overhead": median_of(record, keys.OVERHEAD),
        "stride": median_of(record, keys.STRIDE),
        "dropped": treatment.sink.dropped,
        "waits": recorder_waits(name),
        "load": [load, load_average()],
    }


def settle(
    recorded: Arm, bare: Arm, treatment: Recorded, start_up: StartUp, seconds: float
) -> None:
    """Train until strides have settled and what was recorded first is delivered.

    Args:
        recorded: The loop that is to be recorded from now on.
        bare: The same loop.
        treatment: What records it.
        start_up: Where to put what happens once.
        seconds: How long strides take to settle.
    """
    own, own_steps = _seconds_of(bare, FIRST_STEPS)
    treatment.resume()
    recorded.treatment = treatment
    began = time.perf_counter()
    dense, dense_steps = _seconds_of(recorded, FIRST_STEPS)
    start_up.first_steps = (dense / dense_steps) / (own / own_steps)
    treatment.validate()
    treatment.pause()
    while (
        time.perf_counter() - began < seconds
        or treatment.next_step < DENSE_STEPS + FIRST_STEPS
        or not treatment.drained()
    ):
        recorded.block(0.0)
        start_up.first_delivery = start_up.first_delivery or treatment.sink.cpu_seconds
        if time.perf_counter() - began > LONGEST_SETTLING:
            break


def _seconds_of(arm: Arm, steps: int) -> tuple[float, int]:
    started = time.perf_counter()
    for _ in range(steps):
        arm.loop.step(arm.treatment)
    return time.perf_counter() - started, steps


def _peak_on_device() -> int:
    """Bytes that tensors have held at most on the accelerator since the last call."""
    if not torch.cuda.is_available():
        return 0
    peak = torch.cuda.max_memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    return peak
