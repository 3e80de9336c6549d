"""Faults of the learning-rate schedule, and of the budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from benchmarks.error_rates.setup import Setup


def _times(setup: Setup, factor: Callable[[float], float]) -> Setup:
    return replace(setup, rate=lambda done: setup.rate(done) * factor(done))


def schedule_dies_early(setup: Setup, share: float) -> Setup:
    """Let the rate fall to a thousandth after a share of the steps: a milestone set too low."""
    return _times(setup, lambda done: 1.0 if done < share else 1e-3)


def schedule_per_batch(setup: Setup, batches: float) -> Setup:
    """Halve the rate every few batches, as a schedule does that was meant to count epochs."""
    return _times(setup, lambda done: 0.5 ** (done * setup.steps // batches))


def schedule_jump(setup: Setup, factor: float) -> Setup:
    """Multiply the rate at half of the steps, for good."""
    return replace(setup, rate=lambda done: setup.rate(done) if done < 0.5 else factor)


def stopped_too_early(setup: Setup, share: float) -> Setup:
    """Stop after a share of the steps, as if that had been the budget."""
    return replace(
        setup,
        steps=round(setup.steps * share),
        validations=max(round(setup.validations * share), 5),
        rate=lambda done: setup.rate(done * share),
    )
