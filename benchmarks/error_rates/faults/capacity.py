"""Faults that leave a model too little room: too small, or held down too hard."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from benchmarks.error_rates.setup import Setup


def model_too_small(setup: Setup, width: float) -> Setup:
    """Make the hidden layers, or the waist, a few units wide."""
    return replace(setup, model=partial(setup.model, width=int(width)))


def dropout_too_high(setup: Setup, share: float) -> Setup:
    """Silence most of the hidden units."""
    return replace(setup, model=partial(setup.model, dropout=share))


def weight_decay_too_high(setup: Setup, decay: float) -> Setup:
    """Pull the weights to zero harder than the data pull them away."""
    return replace(setup, optimizer=partial(setup.optimizer, weight_decay=decay))


def clipped_too_tightly(setup: Setup, norm: float) -> Setup:
    """Clip the gradient's norm far below its usual size."""
    return replace(setup, clip_norm=norm)
