"""Measure what recording costs, side by side with the bare loop.

    python benchmarks/recording_cost.py --pairs 60

Two copies of a model are trained in turn in one process, one recorded and one bare, a block of
steps each, on one thread and with a SQLite store. Writes docs/explanation/recording-cost.md.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from mlflow import MlflowClient
from torch import nn

from tuneguard import TuneGuardCallback
from tuneguard.storage.record import load_record

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "explanation" / "recording-cost.md"
WARM_UP = 220
BLOCK = 20


def mlp() -> tuple[nn.Module, torch.Tensor]:
    """Return a perceptron of about a million parameters, and a batch of 64."""
    layers = [nn.Linear(256, 700), nn.ReLU(), nn.Linear(700, 700), nn.ReLU()]
    layers += [nn.Linear(700, 450), nn.ReLU(), nn.Linear(450, 10)]
    return nn.Sequential(*layers), torch.randn(64, 256)


def cnn() -> tuple[nn.Module, torch.Tensor]:
    """Return a small convolutional network, and a batch of 8 pictures."""
    layers: list[nn.Module] = []
    for inputs, outputs in ((3, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs)]
        layers += [nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(1024, 10)), torch.randn(8, 3, 32, 32)


@dataclass
class Cost:
    """What was measured of one model.

    Attributes:
        name: The model, its size and its batch.
        bare: Wall-clock seconds of each block of the bare loop.
        recorded: The same of the recorded loop.
        bare_cpu: Processor seconds of the bare loop's thread.
        recorded_cpu: Processor seconds of the recorded loop's thread.
        background: Processor seconds of the recorder's threads, in both loops' blocks.
        bytes_per_step: Size of the record.
    """

    name: str
    bare: list[float] = field(default_factory=list)
    recorded: list[float] = field(default_factory=list)
    bare_cpu: float = 0.0
    recorded_cpu: float = 0.0
    background: float = 0.0
    bytes_per_step: float = 0.0

    def row(self) -> str:
        """Return the figures as a row of a table."""
        ratios = np.array(self.recorded) / np.array(self.bare)
        low, high = np.percentile(ratios, [10, 90])
        everything = (self.recorded_cpu + self.background) / self.bare_cpu
        step = 1000 * float(np.median(self.bare)) / BLOCK
        return (
            f"| {self.name} | {step:.2f} ms | {np.median(ratios):.3f} ({low:.3f} to {high:.3f}) "
            f"| {self.recorded_cpu / self.bare_cpu:.3f} | {everything:.3f} "
            f"| {self.bytes_per_step:.0f} |"
        )


def stepper(
    make: Callable[[], tuple[nn.Module, torch.Tensor]],
) -> tuple[nn.Module, torch.optim.Optimizer, Callable[[TuneGuardCallback | None], None]]:
    """Return a model, its optimizer, and what takes one step with it."""
    torch.manual_seed(0)
    model, inputs = make()
    targets = torch.randint(10, (len(inputs),))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def step(guard: TuneGuardCallback | None) -> None:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(inputs), targets)
        loss.backward()
        if guard is not None:
            guard.on_after_backward(loss)
        optimizer.step()

    return model, optimizer, step


def measure(
    name: str, make: Callable[[], tuple[nn.Module, torch.Tensor]], pairs: int, client: MlflowClient
) -> Cost:
    """Train both copies in turn, block by block."""
    model, optimizer, recorded_step = stepper(make)
    _, _, bare_step = stepper(make)
    parameters = sum(one.numel() for one in model.parameters())
    cost = Cost(f"{name}, {parameters:,} parameters")
    with TuneGuardCallback(model, optimizer) as guard:
        block(recorded_step, guard, WARM_UP)
        block(bare_step, None, WARM_UP)
        guard.on_validation_end({"loss": 1.0})
        process, own = time.process_time(), time.thread_time()
        for number in range(pairs):
            # whoever comes second may find the processor warmer
            for is_recorded in (number % 2 == 0, number % 2 == 1):
                if is_recorded:
                    wall, cpu = block(recorded_step, guard, BLOCK)
                    cost.recorded.append(wall)
                    cost.recorded_cpu += cpu
                else:
                    wall, cpu = block(bare_step, None, BLOCK)
                    cost.bare.append(wall)
                    cost.bare_cpu += cpu
        cost.background = time.process_time() - process - (time.thread_time() - own)
    record = load_record(client, str(guard.run_id))
    assert record is not None
    cost.bytes_per_step = record.size / (WARM_UP + pairs * BLOCK)
    return cost


def block(
    step: Callable[[TuneGuardCallback | None], None], guard: TuneGuardCallback | None, steps: int
) -> tuple[float, float]:
    """Take steps, and return the wall-clock and the processor seconds that they took."""
    started, cpu = time.perf_counter(), time.thread_time()
    for _ in range(steps):
        step(guard)
    return time.perf_counter() - started, time.thread_time() - cpu


def page(costs: list[Cost], pairs: int) -> str:
    """Write the figures as a page of the documentation."""
    return "\n".join(
        [
            "# What recording costs",
            "",
            "Measured by `make bench`: two copies of a model are trained in turn in one process,",
            f"one recorded and one bare, {pairs} pairs of blocks of {BLOCK} steps, on one thread,",
            f"with a SQLite store, after {WARM_UP} steps in which everything is measured densely.",
            f"PyTorch {torch.__version__} on {platform.machine()}, {os.cpu_count()} shared cores.",
            "",
            "| model | bare step | wall clock | loop's thread | all threads | bytes a step |",
            "| --- | --- | --- | --- | --- | --- |",
            *[cost.row() for cost in costs],
            "",
            "Wall clock, loop's thread and all threads are ratios to the bare loop.",
            "",
            "- **Wall clock**: recorded block over the bare block beside it, the median and the",
            "  10 to 90 % range. Other programs were running; the range shows how much they did.",
            "- **Loop's thread**: the ratio of processor times of the thread that trains.",
            "- **All threads**: with the processor time of the threads that write to disk and to",
            "  MLflow, and the one-off cost of the first delivery. Where a core is to spare, a",
            "  loop pays less than this.",
            "- **Bytes a step**: of the full record, as it lies in the artifact store.",
            "",
        ]
    )


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=60)
    pairs = parser.parse_args().pairs
    torch.set_num_threads(1)
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/mlflow.db"
        os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "1"
        os.environ["TUNEGUARD_SPOOL"] = f"{folder}/spool"
        os.chdir(folder)
        costs = []
        for name, make in (("MLP, batch 64", mlp), ("CNN, batch 8", cnn)):
            costs.append(measure(name, make, pairs, MlflowClient()))
            print(costs[-1].row(), flush=True)
    PAGE.write_text(page(costs, pairs), encoding="utf-8")
    print(f"Written to {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
