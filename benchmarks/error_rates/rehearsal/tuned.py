"""A new head on convolutions that were trained on another task and stay as they are."""

from __future__ import annotations

from functools import cache, partial

import torch
from torch import nn, optim
from torch.nn.functional import cross_entropy

from benchmarks.error_rates.generated import digits
from benchmarks.error_rates.rehearsal.networks import Headed
from benchmarks.error_rates.schedules import cosine
from benchmarks.error_rates.setup import Data, Setup


def frozen_trunk() -> Setup:
    """Train the head alone."""
    return Setup(
        program="frozen_trunk",
        task="classification",
        num_classes=4,
        data=quarters,
        model=known,
        criterion=cross_entropy,
        optimizer=partial(optim.Adam, lr=2e-3),
        rate=cosine,
        batch_size=72,
        steps=400,
        prepare=freeze_trunk,
    )


def quarters(seed: int, *, train: int = 6000, wrong: float = 0.0) -> Data:
    """Draw digits, of which 0, 4 and 8 are one class, and so on."""
    drawn = digits(seed, train=train, noise=0.7, wrong=wrong)
    parts = (drawn.train, drawn.validation, drawn.test)
    return Data(*((inputs, targets % 4) for inputs, targets in parts))


def known(*, width: int = 32, dropout: float = 0.0) -> nn.Module:
    """Return a trunk that knows digits, with a new head."""
    model = Headed(4, width=width, dropout=dropout)
    model.trunk.load_state_dict(_learned())
    return model


def freeze_trunk(model: nn.Module) -> None:
    """Let the convolutions and their norms stay as they are."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("trunk" not in name)


@cache
def _learned() -> dict[str, torch.Tensor]:
    """Return the trunk of a network that was trained to tell ten digits apart."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Headed(10)
        inputs, targets = digits(2000).train
        optimizer = optim.Adam(model.parameters(), lr=3e-3)
        for batch in torch.randint(len(inputs), (300, 64)):
            optimizer.zero_grad()
            loss = cross_entropy(model(inputs[batch]), targets[batch])
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return dict(model.trunk.state_dict())
