"""What prescriptions do to the course of the learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

from benchmarks.error_rates.setup import Setup, constant
from tuneguard.findings import Change


def schedule(setup: Setup, change: Change) -> Setup | None:
    """Put another course in the place of the one that there is."""
    name, _, since = str(change.value).partition(" from ")
    begin = float(since or 1.0)

    def inverse_square_root(done: float) -> float:
        return (begin / max(done * setup.steps, begin)) ** 0.5

    rates: Mapping[str, Callable[[float], float]] = {
        "constant": constant,
        "cosine": lambda done: 0.5 * (1.0 + math.cos(math.pi * done)),
        "inverse_square_root": inverse_square_root,
    }
    rate = rates.get(name)
    return None if rate is None else replace(setup, rate=rate)


def highest_learning_rate(setup: Setup, change: Change) -> Setup:
    """Cut off what of the course is above a rate."""
    bound = float(change.value) / setup.optimizer.keywords["lr"]
    return replace(setup, rate=lambda done: min(setup.rate(done), bound))


def warmup_steps(setup: Setup, change: Change) -> Setup:
    """Let the rate rise over the first steps."""
    share = max(float(change.value), 1.0) / setup.steps
    return replace(setup, rate=lambda done: setup.rate(done) * min(1.0, 0.01 + done / share))
