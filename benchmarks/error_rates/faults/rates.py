"""Faults of the step size."""

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
