"""Faults of the step size, and of how noisy a step is."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from benchmarks.error_rates.setup import Setup


def learning_rate_too_high(setup: Setup, factor: float) -> Setup:
    """Multiply the learning rate."""
    rate = setup.optimizer.keywords["lr"]
    return replace(setup, optimizer=partial(setup.optimizer, lr=rate * factor))


def learning_rate_too_low(setup: Setup, divisor: float) -> Setup:
    """Divide the learning rate."""
    return learning_rate_too_high(setup, 1.0 / divisor)


def momentum_too_high(setup: Setup, momentum: float) -> Setup:
    """Give the optimizer a momentum, at a learning rate that fits a smaller one."""
    return replace(setup, optimizer=partial(setup.optimizer, momentum=momentum))


def tiny_batch(setup: Setup, size: float) -> Setup:
    """Train with tiny batches, at a learning rate that fits larger ones."""
    return replace(setup, batch_size=int(size))
