"""What another way to watch costs on one loop, at its defaults and at the recorder's density."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial

import mlflow
import torch

from benchmarks.cost.alternation import Arm, Treatment, alternate
from benchmarks.cost.loops import LOOPS, TrainingLoop, make_loop
from benchmarks.cost.neighbours import NEIGHBOURS, NEVER, Neighbour
from benchmarks.cost.processes import peak_megabytes
from benchmarks.cost.results import Row, load_average
from benchmarks.cost.synchronisations import counted_reads

_COUNTED_STEPS = 100
_RARELY = 10**6


def measure_neighbour(
    name: str, neighbour: str, every: int, rounds: int, seconds: float
) -> list[Row]:
    """Train a bare loop and two watched ones in turn; return a row for each way of watching.

    Args:
        name: A key of `LOOPS`.
        neighbour: A key of `NEIGHBOURS`.
        every: Steps between two looks at the layers that give the recorder's density.
        rounds: Blocks of each loop.
        seconds: Length of a block, at least.
    """
    torch.set_num_threads(1)
    load = load_average()
    kind = NEIGHBOURS[neighbour]
    for module in kind.imports:
        importlib.import_module(module)
    bare, matched, default = (Arm(make_loop(name)) for _ in range(3))
    with mlflow.start_run():
        for arm in (bare, matched, default):
            arm.block(0.3)
        memory = peak_megabytes()
        matched.treatment = kind.at_density(matched.loop, every)
        default.treatment = kind.at_defaults(default.loop)
        for arm in (matched, default):
            arm.calibrate()
        alternate((bare, matched, default), rounds, seconds)
        memory = peak_megabytes() - memory
        for arm in (matched, default):
            arm.treatment.close()
        shared = {
            "loop": name,
            "title": LOOPS[name].title,
            "neighbour": neighbour,
            "bare": bare.blocks,
            "memory": memory,
            "load": [load, load_average()],
        }
        return [
            {
                **shared,
                **_looks(name, kind, every),
                "is_default": False,
                "watched": matched.blocks,
            },
            {**shared, **_looks(name, kind, None), "is_default": True, "watched": default.blocks},
        ]


def _looks(name: str, kind: Neighbour, every: int | None) -> Row:
    kept = kind.default_every if every is None else every
    return {
        "layer_samples": 0.0 if kept == NEVER else 1000.0 / kept,
        "waits": waits_a_step(name, kind, every),
    }


def waits_a_step(name: str, kind: Neighbour, every: int | None) -> float:
    """Return how often a step waits for the device, counted on the meta device.

    Args:
        name: A key of `LOOPS`.
        kind: The way to watch.
        every: Steps between two looks at the layers; `None` for the defaults.
    """
    if every is None and kind.default_every <= _COUNTED_STEPS:
        steps = kind.default_every
        return _waits(name, kind.at_defaults, steps) / steps
    rarely = partial(kind.at_density, every=_RARELY)
    without = _waits(name, rarely, 2) - _waits(name, rarely, 1)
    with_look = _waits(name, partial(kind.at_density, every=1), 1)
    return without + (with_look - without) / (every or kind.default_every)


def _waits(name: str, make: Callable[[TrainingLoop], Treatment], steps: int) -> int:
    loop = make_loop(name, "meta")
    watch = make(loop)
    with counted_reads() as reads:
        for _ in range(steps):
            loop.step(watch)
    watch.close()
    return reads.waits
