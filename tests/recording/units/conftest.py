from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.modules import module as torch_module

from tuneguard.recording.units import UnitStatistics

Forward = Callable[[], torch.Tensor]


@pytest.fixture(autouse=True)
def no_hook_is_left() -> Iterator[None]:
    torch.manual_seed(0)
    yield
    assert not torch_module._global_forward_hooks


def measured(
    model: nn.Module, *passes: Forward, statistics: UnitStatistics | None = None
) -> dict[str, float]:
    """What one armed step says of units; each pass returns a loss that is then differentiated."""
    statistics = statistics or UnitStatistics(model)
    model.zero_grad()
    statistics.arm()
    for forward in passes:
        forward().backward()
    sample = statistics.collect()
    if sample is None:
        return {}
    values = sample.values([one.double().flatten().numpy() for one in sample.tensors])
    return {key: value for key, value in values.items() if not key.startswith("input/")}


def of_hooks(values: dict[str, float]) -> dict[str, float]:
    return {key: value for key, value in values.items() if not key.startswith("zero_gradient")}


def silent(*outputs: torch.Tensor) -> float:
    """The share of columns that are zero in all rows, by loops."""
    dead = 0
    for unit in range(outputs[0].shape[1]):
        rows = [row[unit] for output in outputs for row in output.tolist()]
        dead += all(value == 0 for value in rows)
    return dead / outputs[0].shape[1]


def lowered(layer: nn.Linear | nn.Conv1d | nn.Conv2d, count: int) -> Any:
    """Put the first `count` units of a layer to silence."""
    with torch.no_grad():
        layer.bias[:count] = -1e3
    return layer


class Shared(nn.Module):
    """One ReLU for two layers, as in a residual block."""

    def __init__(self) -> None:
        super().__init__()
        self.first = lowered(nn.Linear(6, 10), 4)
        self.second = lowered(nn.Linear(10, 10), 7)
        self.relu = nn.ReLU(inplace=True)
        self.head = nn.Linear(10, 2)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.head(self.relu(self.second(self.relu(self.first(inputs)))))


class Recurrent(nn.Module):
    """One layer and one ReLU at each of many positions."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self.cell = lowered(nn.Linear(6 + 8, 8), 3)
        self.relu = nn.ReLU()

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        state = inputs.new_zeros(len(inputs), 8)
        for _ in range(self.steps):
            state = self.relu(self.cell(torch.cat([inputs, state], dim=1)))
        return state


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.hidden = lowered(nn.Linear(6, 20), 5)
        self.head = nn.Linear(20, 3)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.head(nn.functional.relu(self.hidden(inputs)))


@pytest.fixture(name="measured")
def _measured() -> Callable[..., dict[str, float]]:
    return measured


@pytest.fixture(name="of_hooks")
def _of_hooks() -> Callable[..., dict[str, float]]:
    return of_hooks


@pytest.fixture(name="silent")
def _silent() -> Callable[..., float]:
    return silent


@pytest.fixture(name="lowered")
def _lowered() -> Callable[..., Any]:
    return lowered


@pytest.fixture
def make_shared() -> type[nn.Module]:
    return Shared


@pytest.fixture
def make_functional() -> type[nn.Module]:
    return Functional


@pytest.fixture
def make_recurrent() -> type[nn.Module]:
    return Recurrent
