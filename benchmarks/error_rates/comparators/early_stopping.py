"""Early stopping (Prechelt 1998), as Keras and Lightning do it, as an alarm of overfitting."""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np

from benchmarks.error_rates.comparators.comparator import Comparator, earliest_first
from benchmarks.error_rates.comparators.readings import epochs_of, first_position
from tuneguard.history import RunHistory

NAMES: Final = {"stopped": ("overfitting", "overconfidence", "no-generalization")}


def stopped(history: RunHistory, patience: int) -> float | None:
    """The validation loss has had no new best for `patience` validations."""
    epochs = epochs_of(history)
    if epochs is None:
        return None
    losses = np.where(np.isfinite(epochs.validation), epochs.validation, np.inf)
    before = np.append(np.inf, np.minimum.accumulate(losses)[:-1])
    rows = np.arange(len(losses))
    last_best = np.maximum.accumulate(np.where(losses < before, rows, 0))
    return first_position(epochs.positions, rows - last_best >= patience)


def _with_patience(patience: int) -> Comparator:
    judge = earliest_first({"stopped": partial(stopped, patience=patience)})
    return Comparator(f"early stopping, patience {patience}", NAMES, judge)


EARLY_STOPPING: Final = (_with_patience(5), _with_patience(10))
