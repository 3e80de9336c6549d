"""The training loops that are measured: plain PyTorch, each step as people write it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import nn

BATCHES = 16
CLASSES = 10
VOCABULARY = 1500
TOKENS = 32


class Watcher(Protocol):
    """What looks at a loop between the backward pass and the optimizer's step."""

    def after_backward(self, loss: torch.Tensor) -> None:
        """Look at the gradients that are there now."""


@dataclass
class TrainingLoop:
    """A model in training, on batches that come round again and again.

    Attributes:
        steps: How many steps were taken.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    batches: list[tuple[torch.Tensor, torch.Tensor]]
    steps: int = 0

    def step(self, watcher: Watcher | None = None) -> None:
        """Take one step; a bare loop makes no call more than this."""
        inputs, targets = self.batches[self.steps % len(self.batches)]
        self.optimizer.zero_grad()
        loss = nn.functional.cross_entropy(self.model(inputs), targets)
        loss.backward()
        if watcher is not None:
            watcher.after_backward(loss)
        self.optimizer.step()
        self.steps += 1


class Residual(nn.Module):
    """A small layer with a path around it, so that a stack of hundreds trains."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Linear(width, width)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs + 0.1 * torch.tanh(self.inner(inputs))


class LanguageModel(nn.Module):
    """A transformer encoder over tokens, which tells a token for each."""

    def __init__(self, width: int = 384, depth: int = 5) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, width)
        self.position = nn.Parameter(torch.zeros(TOKENS, width))
        block = nn.TransformerEncoderLayer(
            width, 6, 4 * width, dropout=0.0, batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(block, depth, enable_nested_tensor=False)
        self.head = nn.Linear(width, VOCABULARY)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        hidden = self.blocks(self.embedding(tokens) + self.position)
        logits: torch.Tensor = self.head(hidden)
        return logits.flatten(0, 1)


def _features(count: int, *shape: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(count, *shape), torch.randint(CLASSES, (count,))


def _perceptron(widths: tuple[int, ...]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _mlp() -> TrainingLoop:
    model = _perceptron((256, 700, 700, 450, CLASSES))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    return TrainingLoop(model, optimizer, [_features(64, 256) for _ in range(BATCHES)])


def _small_mlp() -> TrainingLoop:
    model = _perceptron((32, 64, 64, CLASSES))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    return TrainingLoop(model, optimizer, [_features(32, 32) for _ in range(BATCHES)])


def _cnn() -> TrainingLoop:
    layers: list[nn.Module] = []
    for inputs, outputs in ((3, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs)]
        layers += [nn.ReLU(), nn.MaxPool2d(2)]
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(1024, CLASSES))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    return TrainingLoop(model, optimizer, [_features(8, 3, 32, 32) for _ in range(BATCHES)])


def _transformer() -> TrainingLoop:
    model = LanguageModel()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    count = 4
    batches = [
        (
            torch.randint(VOCABULARY, (count, TOKENS)),
            torch.randint(VOCABULARY, (count * TOKENS,)),
        )
        for _ in range(BATCHES)
    ]
    return TrainingLoop(model, optimizer, batches)


def _many_layers() -> TrainingLoop:
    model = nn.Sequential(*(Residual(16) for _ in range(499)), nn.Linear(16, CLASSES))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    return TrainingLoop(model, optimizer, [_features(32, 16) for _ in range(BATCHES)])


class LoopKind(NamedTuple):
    """A loop by its title, and what makes it."""

    title: str
    build: Callable[[], TrainingLoop]


LOOPS = {
    "mlp": LoopKind("MLP, batch 64, SGD", _mlp),
    "small-mlp": LoopKind("small MLP, batch 32, SGD", _small_mlp),
    "cnn": LoopKind("CNN, batch 8, SGD", _cnn),
    "transformer": LoopKind("transformer, 4 x 32 tokens, AdamW", _transformer),
    "many-layers": LoopKind("500 small layers, batch 32, SGD", _many_layers),
}


def make_loop(name: str, device: str = "cpu", seed: int = 0) -> TrainingLoop:
    """Build a loop, its model and its batches on one device.

    Args:
        name: A key of `LOOPS`.
        device: Where it trains; `meta` runs every step without a value anywhere.
        seed: Two loops of one seed are alike.
    """
    torch.manual_seed(seed)
    with torch.device(device):
        return LOOPS[name].build()
