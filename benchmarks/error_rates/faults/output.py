"""Faults of the last layer, and of what is put between it and the loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from benchmarks.error_rates.layers import last_layer
from benchmarks.error_rates.setup import Setup


class Ending(nn.Module):
    """Puts an operation behind a model.

    Args:
        build: Builds the model.
        ending: What is done with its outputs.
    """

    def __init__(self, build: Callable[[], nn.Module], ending: nn.Module) -> None:
        super().__init__()
        self.inner = build()
        self.ending = ending

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the outputs of a batch."""
        outputs: Tensor = self.ending(self.inner(inputs))
        return outputs


class Bound(nn.Module):
    """Puts numbers through a tanh.

    Args:
        gain: What they are multiplied by before.
        scale: What they are multiplied by after, and so the largest that comes out.
    """

    def __init__(self, gain: float, scale: float) -> None:
        super().__init__()
        self.gain = gain
        self.scale = scale
        self.activation = nn.Tanh()

    def forward(self, outputs: Tensor) -> Tensor:
        """Return the bounded numbers."""
        bounded: Tensor = self.scale * self.activation(self.gain * outputs)
        return bounded


def _ended(setup: Setup, ending: Callable[[], nn.Module]) -> Setup:
    return replace(setup, model=lambda: Ending(setup.model, ending()))


def double_softmax(setup: Setup, divisor: float) -> Setup:
    """Put a softmax before a loss that has one of its own, and divide the learning rate."""
    rate = setup.optimizer.keywords["lr"]
    ended = _ended(setup, lambda: nn.Softmax(dim=-1))
    return replace(ended, optimizer=partial(setup.optimizer, lr=rate / divisor))


def relu_on_output(setup: Setup, shift: float) -> Setup:
    """Put a ReLU behind the last layer, whose biases are lowered."""

    @torch.no_grad()
    def prepare(model: nn.Module) -> None:
        setup.prepare(model)
        last_layer(model).bias.sub_(shift)

    return replace(_ended(setup, nn.ReLU), prepare=prepare)


def bounded_output(setup: Setup, tightness: float) -> Setup:
    """Put a tanh behind the last layer.

    It is as tight as its gain where classes are told apart, which leaves it between -1 and 1; in
    a regression, as the inverse of the largest output.
    """
    gain = tightness if setup.task == "classification" else 1.0
    return _ended(setup, partial(Bound, gain, gain / tightness))


def bad_last_layer(setup: Setup, factor: float) -> Setup:
    """Multiply the initial weights and biases of the last layer."""

    @torch.no_grad()
    def prepare(model: nn.Module) -> None:
        setup.prepare(model)
        for parameter in last_layer(model).parameters():
            parameter.mul_(factor)

    return replace(setup, prepare=prepare)
