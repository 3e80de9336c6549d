"""Prints what a sample of the units costs: CPU time of the training thread, in milliseconds.

A plain step (forward and backward) and one that is looked at take turns; medians of 60 each.
"""

from __future__ import annotations

import statistics
import time

import torch
from torch import nn

from tuneguard.recording.units import UnitStatistics

REPEATS = 60


def perceptron() -> tuple[nn.Module, torch.Tensor]:
    layers = (nn.Linear(784, 784), nn.ReLU(), nn.Linear(784, 448), nn.ReLU(), nn.Linear(448, 10))
    return nn.Sequential(*layers), torch.randn(64, 784)


def convolutions() -> tuple[nn.Module, torch.Tensor]:
    layers: list[nn.Module] = []
    for inputs, outputs in ((3, 32), (32, 64), (64, 64)):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(1024, 10)), torch.randn(32, 3, 32, 32)


def small_layers() -> tuple[nn.Module, torch.Tensor]:
    layers = [one for _ in range(500) for one in (nn.Linear(16, 16), nn.ReLU())]
    return nn.Sequential(*layers), torch.randn(32, 16)


def step(model: nn.Module, inputs: torch.Tensor, units: UnitStatistics | None) -> float:
    model.zero_grad()
    started = time.thread_time()
    if units is not None:
        units.arm()
    model(inputs).sum().backward()
    if units is not None:
        units.collect()
    return time.thread_time() - started


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print("| model | step | a sample adds |\n| --- | --- | --- |")
    models = {
        "MLP, 971,610 parameters, 2 ReLU, batch 64": perceptron,
        "CNN, 3 convolutions, 3 ReLU, batch 32": convolutions,
        "500 linear layers of 16 units, 500 ReLU, batch 32": small_layers,
    }
    for name, make in models.items():
        model, inputs = make()
        units = UnitStatistics(model)
        times = [
            (step(model, inputs, None), step(model, inputs, units)) for _ in range(REPEATS + 10)
        ]
        plain, sampled = zip(*times[10:], strict=True)
        added = statistics.median(b - a for a, b in zip(plain, sampled, strict=True))
        print(f"| {name} | {1e3 * statistics.median(plain):.1f} | {1e3 * added:.2f} |")


if __name__ == "__main__":
    main()
