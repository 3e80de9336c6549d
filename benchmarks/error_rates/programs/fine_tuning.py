"""A network that was trained on one task, and is tuned to another at a tiny rate."""

from __future__ import annotations

from functools import cache, partial

import torch
from torch import nn, optim
from torch.nn.functional import cross_entropy

from benchmarks.error_rates.generated import digits
from benchmarks.error_rates.networks import Perceptron
from benchmarks.error_rates.setup import Data, Setup

WIDTH = 64


def fine_tuning() -> Setup:
    """Tune all layers, under a new last one, at a tiny rate."""
    return Setup(
        program="fine_tuning",
        task="classification",
        num_classes=5,
        data=last_digit_of_five,
        model=pretrained,
        criterion=cross_entropy,
        optimizer=partial(optim.Adam, lr=3e-4),
        steps=500,
    )


def last_digit_of_five(seed: int, *, train: int = 6000, wrong: float = 0.0) -> Data:
    """Draw digits, of which 3 and 8 are one class, and so on."""
    drawn = digits(seed, train=train, noise=0.7, wrong=wrong, flat=True)
    parts = (drawn.train, drawn.validation, drawn.test)
    return Data(*((inputs, targets % 5) for inputs, targets in parts))


def pretrained(*, width: int = WIDTH, dropout: float = 0.0) -> nn.Module:
    """Return hidden layers that know digits, if as wide as usual, and a new last one."""
    model = Perceptron(64, 5, width=width, dropout=dropout)
    if width == WIDTH:
        known = iter(_learned())
        hidden = [layer for layer in model if isinstance(layer, nn.Linear)][:-1]
        for layer in hidden:
            layer.load_state_dict(next(known))
    return model


@cache
def _learned() -> tuple[dict[str, torch.Tensor], ...]:
    """Return the hidden layers of a network that was trained to tell ten digits apart."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Perceptron(64, 10, width=WIDTH)
        inputs, targets = digits(1000, flat=True).train
        optimizer = optim.Adam(model.parameters(), lr=3e-3)
        for batch in torch.randint(len(inputs), (300, 64)):
            optimizer.zero_grad()
            loss = cross_entropy(model(inputs[batch]), targets[batch])
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    layers = [layer for layer in model if isinstance(layer, nn.Linear)]
    return tuple(layer.state_dict() for layer in layers[:-1])
