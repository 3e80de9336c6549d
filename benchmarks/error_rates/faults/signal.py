"""Faults of the initialisation and of the depth, so that no signal comes through, or too much."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import nn

from benchmarks.error_rates.layers import with_weights
from benchmarks.error_rates.setup import Setup


def _prepared(setup: Setup, change: Callable[[nn.Module], None]) -> Setup:
    """Change every layer that has weights, once the model is built."""

    @torch.no_grad()
    def prepare(model: nn.Module) -> None:
        setup.prepare(model)
        for layer in with_weights(model):
            change(layer)

    return replace(setup, prepare=prepare)


def _scaled(layer: nn.Module, factor: float) -> None:
    for name, parameter in layer.named_parameters(recurse=False):
        if "weight" in name:
            parameter.mul_(factor)


def exploding_init(setup: Setup, factor: float) -> Setup:
    """Multiply the initial weights of every layer."""
    return _prepared(setup, partial(_scaled, factor=factor))


def tiny_init(setup: Setup, divisor: float) -> Setup:
    """Divide the initial weights of every layer."""
    return _prepared(setup, partial(_scaled, factor=1.0 / divisor))


def vanishing_depth(setup: Setup, depth: float) -> Setup:
    """Stack many layers of sigmoid units, without any norm."""
    model = partial(setup.model, depth=int(depth), activation=nn.Sigmoid, norm=None)
    return replace(setup, model=model)


def dead_relu(setup: Setup, shift: float) -> Setup:
    """Lower the biases of the hidden layers so far that many units never fire."""

    @torch.no_grad()
    def prepare(model: nn.Module) -> None:
        setup.prepare(model)
        for layer in with_weights(model)[:-1]:
            if isinstance(layer, nn.Linear | nn.Conv2d) and layer.bias is not None:
                layer.bias.sub_(shift)

    return replace(setup, prepare=prepare)


def saturated_init(setup: Setup, factor: float) -> Setup:
    """Multiply the initial weights of a network of tanh, so that its units start at their ends."""
    model = partial(setup.model, activation=nn.Tanh)
    return exploding_init(replace(setup, model=model), factor)
