"""UMLAUT (Schoop, Huang & Hartmann, CHI 2021): heuristics on what Keras reports each epoch.

Formulas are those of the paper. Left out, as nothing of it is recorded: the range and the shape
of the inputs, and what it reads off the layers (missing activations, missing softmax).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from benchmarks.error_rates.comparators.comparator import Comparator, earliest_first
from benchmarks.error_rates.comparators.readings import epochs_of, first_position
from tuneguard.history import Role, RunHistory

_FIRST_EPOCHS: Final = 3
_SUSPICIOUS_ACCURACY: Final = 0.95
_SUSPICIOUS_LEAD: Final = 0.05
_HIGHEST_RATE: Final = 0.01
_LOWEST_RATE: Final = 1e-7
_HIGHEST_DROPOUT: Final = 0.5

NAMES: Final = {
    "NaN loss": ("non-finite-values", "divergence", "exploding-gradients"),
    "learning rate too high": ("learning-rate-too-high", "learning-rate-oscillation"),
    "learning rate too low": ("learning-rate-too-low", "schedule-fault"),
    "dropout too high": ("underfitting",),
    "overfitting": ("overfitting", "overconfidence", "no-generalization"),
    "validation accuracy too high": ("validation-leak",),
}


def nan_loss(history: RunHistory) -> float | None:
    """The training loss is NaN."""
    loss = history.get(Role.TRAIN_LOSS)
    return None if loss is None else first_position(loss.positions, ~np.isfinite(loss.values))


def rate_too_high(history: RunHistory) -> float | None:
    """The learning rate is above 0.01."""
    rate = history.get(Role.LEARNING_RATE)
    return None if rate is None else first_position(rate.positions, rate.values > _HIGHEST_RATE)


def rate_too_low(history: RunHistory) -> float | None:
    """The learning rate is below 1e-7."""
    rate = history.get(Role.LEARNING_RATE)
    return None if rate is None else first_position(rate.positions, rate.values < _LOWEST_RATE)


def dropout_too_high(history: RunHistory) -> float | None:
    """A layer drops more than half."""
    dropout = history.hyperparameters.dropout
    return 0.0 if dropout is not None and dropout > _HIGHEST_DROPOUT else None


def overfitting(history: RunHistory) -> float | None:
    """In one epoch, validation loss rose and training loss did not."""
    epochs = epochs_of(history)
    if epochs is None:
        return None
    rose, train_rose = (one[1:] > one[:-1] for one in (epochs.validation, epochs.train))
    return first_position(epochs.positions[1:], rose & ~train_rose)


def accuracy_too_high(history: RunHistory) -> float | None:
    """After the third epoch, validation accuracy is above 95 %, or well above training's."""
    epochs = epochs_of(history)
    if epochs is None or epochs.accuracy is None:
        return None
    is_odd = epochs.accuracy > _SUSPICIOUS_ACCURACY
    if epochs.train_accuracy is not None:
        is_odd |= epochs.accuracy - epochs.train_accuracy > _SUSPICIOUS_LEAD
    return first_position(epochs.positions[_FIRST_EPOCHS:], is_odd[_FIRST_EPOCHS:])


UMLAUT: Final = Comparator(
    "UMLAUT",
    NAMES,
    earliest_first(
        {
            "NaN loss": nan_loss,
            "learning rate too high": rate_too_high,
            "learning rate too low": rate_too_low,
            "dropout too high": dropout_too_high,
            "overfitting": overfitting,
            "validation accuracy too high": accuracy_too_high,
        }
    ),
)
