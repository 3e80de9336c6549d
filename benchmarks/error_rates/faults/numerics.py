"""Faults in which numbers stop being finite."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from benchmarks.error_rates.setup import Data, Setup


def nan_samples(setup: Setup, met: float) -> Setup:
    """Put a NaN into samples that are trained on; how many are met is what is expected.

    There are so many samples that none is met twice.
    """
    spoilt = math.ceil(met)
    train = round(setup.steps * setup.batch_size * spoilt / met)

    def data(seed: int) -> Data:
        drawn = setup.data(seed, train=train)
        inputs = drawn.train[0].clone()
        inputs.flatten(1)[:spoilt, 0] = torch.nan
        return replace(drawn, train=(inputs, drawn.train[1]))

    return replace(setup, data=data)


def overflowing_operation(setup: Setup, size: float) -> Setup:
    """Take an exponential in the loss with nothing to guard it.

    The size is added to the outputs where classes are told apart, and multiplies the errors of a
    regression: what passes 88 has no finite exponential.
    """
    unguarded = _log_softmax if setup.task == "classification" else _log_cosh
    return replace(setup, criterion=partial(unguarded, size=size))


def _log_softmax(outputs: Tensor, targets: Tensor, size: float) -> Tensor:
    powers = (outputs + size).exp()
    chosen = powers.gather(1, targets[:, None])[:, 0]
    return -(chosen / powers.sum(-1)).log().mean()


def _log_cosh(outputs: Tensor, targets: Tensor, size: float) -> Tensor:
    return (size * (outputs - targets)).cosh().log().mean() / size


def loss_scale_collapse(setup: Setup, share: float) -> Setup:
    """Let a share of the gradients overflow, so that the loss scale halves again and again.

    Two steps without an overflow double it, so that it holds out where the share is small.
    """

    def after_backward(model: nn.Module, step: int) -> None:
        setup.after_backward(model, step)
        if step * 0.618034 % 1.0 < share:
            first = next(model.parameters())
            if first.grad is not None:
                first.grad.view(-1)[0] = torch.inf

    scaler = partial(torch.amp.GradScaler, "cpu", init_scale=2.0**16, growth_interval=2)
    return replace(setup, scaler=scaler, after_backward=after_backward)
