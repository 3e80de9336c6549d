"""Faults of how model, optimizer and loop are put together."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import partial

from torch import Tensor, nn

from benchmarks.error_rates.faults.rates import learning_rate_too_low
from benchmarks.error_rates.layers import with_weights
from benchmarks.error_rates.setup import Parameters, Setup


def missing_from_optimizer(setup: Setup, layers: float) -> Setup:
    """Give the optimizer the last layers alone."""

    def parameters(model: nn.Module) -> Parameters:
        return [one for layer in with_weights(model)[-int(layers) :] for one in layer.parameters()]

    return replace(setup, parameters=parameters)


def detached_layers(setup: Setup, layers: float) -> Setup:
    """Detach what the last layers take in, so that nothing before them learns."""

    def prepare(model: nn.Module) -> None:
        setup.prepare(model)
        with_weights(model)[-int(layers)].register_forward_pre_hook(_detach)

    return replace(setup, prepare=prepare)


def _detach(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(one.detach() for one in inputs)


def no_update(setup: Setup, way: float) -> Setup:
    """Let no step change the model.

    The way is 1, where the learning rate is so small that rounding swallows each step; 2, where
    it is zero; 3, where the optimizer holds the parameters of a copy of the model.
    """
    if way == 3:
        return replace(setup, parameters=lambda model: copy.deepcopy(model).parameters())
    return learning_rate_too_low(setup, 1e9) if way == 1 else _without_rate(setup)


def _without_rate(setup: Setup) -> Setup:
    return replace(setup, optimizer=partial(setup.optimizer, lr=0.0))


def missing_zero_grad(setup: Setup, divisor: float) -> Setup:
    """Never clear the gradients, at a learning rate that is divided."""
    return replace(learning_rate_too_low(setup, divisor), clears_gradients=False)
