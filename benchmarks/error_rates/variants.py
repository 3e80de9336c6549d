"""Other healthy ways to train the base programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn, optim

from benchmarks.error_rates import schedules
from benchmarks.error_rates.layers import with_weights
from benchmarks.error_rates.setup import Batch, Setup

Change = Callable[[Setup], Setup]


def _at_rate(setup: Setup, factor: float) -> Setup:
    rate = setup.optimizer.keywords["lr"]
    return replace(setup, optimizer=partial(setup.optimizer, lr=rate * factor))


def half_rate(setup: Setup) -> Setup:
    """Halve the learning rate."""
    return _at_rate(setup, 0.5)


def double_rate(setup: Setup) -> Setup:
    """Double the learning rate."""
    return _at_rate(setup, 2.0)


def other_optimizer(setup: Setup) -> Setup:
    """Train with momentum instead of Adam and its like, or the other way round."""
    if setup.optimizer.func is optim.SGD:
        return replace(setup, optimizer=partial(optim.Adam, lr=2e-3))
    return replace(setup, optimizer=partial(optim.SGD, lr=0.05, momentum=0.9))


def long_flat_end(setup: Setup) -> Setup:
    """Train for three quarters longer at a low constant rate, although little is left to gain."""
    return replace(
        setup,
        steps=round(1.75 * setup.steps),
        rate=lambda done: 1.0 if done < 0.5 else 0.1,
    )


def one_cycle(setup: Setup) -> Setup:
    """Let the rate rise to twice the usual and fall."""
    return replace(_at_rate(setup, 2.0), rate=schedules.one_cycle)


def warm_restarts(setup: Setup) -> Setup:
    """Let the rate fall along a cosine, again and again."""
    return replace(setup, rate=schedules.warm_restarts)


def small_batches(setup: Setup) -> Setup:
    """Train with twelve samples in a batch, at a rate that fits them."""
    fitting = 0.3 if setup.optimizer.func is optim.SGD else 0.7
    return replace(_at_rate(setup, fitting), batch_size=12, steps=round(1.6 * setup.steps))


def noisy_labels(setup: Setup) -> Setup:
    """Train on more samples, of which some have labels drawn at random."""
    return replace(setup, data=partial(setup.data, train=12000, wrong=0.15))


def dropout(setup: Setup) -> Setup:
    """Silence a third of the hidden units, so that validation is better than training."""
    return replace(setup, model=partial(setup.model, dropout=0.3))


def weight_decay(setup: Setup) -> Setup:
    """Decay the weights as is usual."""
    decay = 0.05 if setup.optimizer.func is optim.AdamW else 5e-4
    return replace(setup, optimizer=partial(setup.optimizer, weight_decay=decay))


def clipping(setup: Setup) -> Setup:
    """Clip the gradient's norm at one."""
    return replace(setup, clip_norm=1.0)


def augmentation(setup: Setup) -> Setup:
    """Add noise to what is trained on, and shift images by a pixel."""

    def batch(batch: Batch, step: int) -> Batch:
        inputs, targets = setup.batch(batch, step)
        return _augmented(inputs), targets

    return replace(setup, batch=batch)


def _augmented(inputs: Tensor) -> Tensor:
    if inputs.ndim == 4:
        inputs = inputs.roll(int(torch.randint(-1, 2, ())), dims=-1)
    return inputs + 0.3 * torch.randn(inputs.shape)


def summed_loss(setup: Setup) -> Setup:
    """Sum the loss over the samples of a batch of the usual size, at a rate that fits it."""
    size = setup.batch_size

    def criterion(outputs: Tensor, targets: Tensor) -> Tensor:
        return size * setup.criterion(outputs, targets)

    fitting = 1.0 / size if setup.optimizer.func is optim.SGD else 1.0
    return replace(_at_rate(setup, fitting), criterion=criterion)


def few_validations(setup: Setup) -> Setup:
    """Validate six times."""
    return replace(setup, validations=6)


def tiny_rate(setup: Setup) -> Setup:
    """Tune at a third of an already tiny rate, for longer."""
    return replace(_at_rate(setup, 0.33), steps=2 * setup.steps)


def frozen_backbone(setup: Setup) -> Setup:
    """Tune the last layer alone, at a rate that fits it; the others are frozen on purpose."""

    def prepare(model: nn.Module) -> None:
        setup.prepare(model)
        for layer in with_weights(model)[:-1]:
            layer.requires_grad_(requires_grad=False)

    return replace(_at_rate(setup, 20.0), prepare=prepare)


VARIANTS: dict[str, Change] = {
    change.__name__: change
    for change in (
        half_rate,
        double_rate,
        other_optimizer,
        long_flat_end,
        one_cycle,
        warm_restarts,
        small_batches,
        noisy_labels,
        dropout,
        weight_decay,
        clipping,
        augmentation,
        summed_loss,
        few_validations,
        tiny_rate,
        frozen_backbone,
    )
}
"""From a base setup to another healthy one, by name."""
