"""Faults of the machine."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.error_rates.setup import Setup

STEPS = 150


def slow_loader(setup: Setup, seconds: float) -> Setup:
    """Wait for each batch; the training is short."""
    return replace(setup, wait_seconds=seconds, steps=STEPS)
