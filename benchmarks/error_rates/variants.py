"""Other healthy ways to train the base programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from benchmarks.error_rates.setup import Setup


def half_rate(setup: Setup) -> Setup:
    """Halve the learning rate."""
    rate = setup.optimizer.keywords["lr"]
    return replace(setup, optimizer=partial(setup.optimizer, lr=rate / 2))


VARIANTS: dict[str, Callable[[Setup], Setup]] = {"half_rate": half_rate}
"""From a base setup to another healthy one, by name."""

APPLIES: dict[str, tuple[str, ...]] = {"half_rate": ("mlp_relu", "cnn_batchnorm")}
"""The programs in which a variant is healthy."""
