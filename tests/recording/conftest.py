from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import nn

from tuneguard.recording.layers import Layers
from tuneguard.recording.recorder import Recorder
from tuneguard.recording.step_packet import StepPacket


def small_model() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 40), nn.Tanh(), nn.Dropout(0.25), nn.Linear(40, 3))


@dataclass
class Kept:
    """An outlet that keeps every packet."""

    packets: list[StepPacket] = field(default_factory=list)

    def put(self, packet: StepPacket) -> None:
        self.packets.append(packet)

    def points(self) -> dict[str, list[tuple[int, float]]]:
        found: dict[str, list[tuple[int, float]]] = {}
        for packet in self.packets:
            for key, own in packet.columns().by_key():
                pairs = zip(own.steps.tolist(), own.values.tolist(), strict=True)
                found.setdefault(key, []).extend(pairs)
        return found

    def values(self, key: str) -> list[float]:
        return [value for _, value in self.points()[key]]


@dataclass
class Loop:
    """A small training loop with a recorder of its own."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    kept: Kept
    recorder: Recorder

    @classmethod
    def of(
        cls, model: nn.Module, optimizer: torch.optim.Optimizer | None = None, **options: Any
    ) -> Loop:
        optimizer = optimizer or torch.optim.SGD(model.parameters(), lr=0.1)
        kept = Kept()
        return cls(model, optimizer, kept, Recorder(Layers(model), [optimizer], kept, **options))

    def step(self, inputs: torch.Tensor, *, clip: float | None = None) -> torch.Tensor:
        self.optimizer.zero_grad()
        loss = self.model(inputs).square().mean()
        loss.backward()
        self.recorder.begin_step(loss.detach())
        if clip is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), clip)
        self.optimizer.step()
        return loss.detach()


@pytest.fixture
def make_loop() -> Callable[..., Loop]:
    return Loop.of


@pytest.fixture
def model() -> nn.Sequential:
    return small_model()


@pytest.fixture
def inputs() -> torch.Tensor:
    return torch.randn(8, 6, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def optimizer(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.AdamW(model.parameters(), lr=0.01)
