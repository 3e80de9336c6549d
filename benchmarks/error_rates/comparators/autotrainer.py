"""AUTOTRAINER (Zhang et al., ICSE 2021; TDSC 2024): its detectors and their order.

Formulas and parameters are those of the paper. Accuracy on training data is not recorded, so
validation stands for both. That a target was never reached is said at the end alone. The share
of zero gradient entries is taken from the units whose bias got none, and the norms of the fixed
first batch from the batches trained on. Left out, as nothing of it is recorded: abnormal data,
and the activation of the output.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from benchmarks.error_rates.comparators.comparator import Comparator
from benchmarks.error_rates.comparators.readings import Epochs, FloatArray, epochs_of
from tuneguard import keys
from tuneguard.history import Role, RunHistory, Series

_EVERY: Final = 3  # epochs from one check to the next
_FIRST_SHARE: Final = 0.3  # of the epochs, before which nothing is judged
_MIN_RATIO: Final = 1e-3  # beta 1: first layer over last
_MIN_FIRST: Final = 1e-4  # beta 2
_MAX_RATIO: Final = 70.0  # beta 3
_MAX_ZEROS: Final = 0.7  # gamma
_SWING: Final = 0.03  # zeta
_SWINGING_SHARE: Final = 0.2  # eta
_MIN_GAIN: Final = 0.01  # delta
_TARGET: Final = 0.6  # theta, as in the script that reproduces the paper's figures
_ABNORMAL_LOSS: Final = 1e3

NAMES: Final = {
    "abnormal loss": ("non-finite-values", "divergence", "exploding-gradients"),
    "negative loss": ("output-loss-mismatch",),
    "dying ReLU": ("dead-units",),
    "exploding gradient": ("exploding-gradients", "learning-rate-too-high"),
    "vanishing gradient": ("vanishing-gradients",),
    "slow convergence": ("learning-rate-too-low", "no-learning", "underfitting"),
    "not converged": ("underfitting", "no-learning", "learning-rate-too-low"),
    "oscillating loss": ("learning-rate-oscillation", "learning-rate-too-high"),
}


def judge(history: RunHistory) -> list[str]:
    """Check every few epochs, and return what the first check with a problem names."""
    epochs = epochs_of(history)
    if epochs is None:
        return []
    count = len(epochs.positions)
    first = max(_EVERY, int(np.ceil(_FIRST_SHARE * count)))
    for row in dict.fromkeys([*range(first, count, _EVERY), count]):
        found = list(_problems(history, epochs, row))
        if found:
            return found
    return []


def _problems(history: RunHistory, epochs: Epochs, count: int) -> Iterator[str]:
    """Name the problems that the first `count` epochs show, as the published tool orders them."""
    losses = np.concatenate([epochs.train[:count], epochs.validation[:count]])
    until = float(epochs.positions[count - 1])
    if _is_abnormal(history, until) or not np.isfinite(epochs.validation[:count]).all():
        yield "abnormal loss"
        return
    if np.nanmin(losses) < 0.0:
        yield "negative loss"
        return
    if epochs.accuracy is None:
        return
    accuracy = epochs.accuracy[:count]
    if np.nanmax(accuracy) < _TARGET:
        problem = _gradient_problem(history, until)
        if problem is None and np.nanmax(np.diff(accuracy), initial=0.0) < _MIN_GAIN:
            problem = "slow convergence"
        if problem is None and count == len(epochs.positions):
            problem = "not converged"
        if problem is not None:
            yield problem
    if _oscillates(accuracy):
        yield "oscillating loss"


def _is_abnormal(history: RunHistory, until: float) -> bool:
    loss = history.get(Role.TRAIN_LOSS)
    if loss is None:
        return False
    values = loss.values[loss.positions <= until]
    return bool((~np.isfinite(values) | (values >= _ABNORMAL_LOSS)).any())


def _gradient_problem(history: RunHistory, until: float) -> str | None:
    """Return the first of the gradient problems: each hides those after it."""
    zeros = [_last(one, until) for one in history.of_layers(keys.ZERO_GRADIENT_UNITS).values()]
    if zeros and np.mean(zeros) >= _MAX_ZEROS:
        return "dying ReLU"
    norms = list(history.of_layers(keys.GRADIENT_NORM).values())
    if len(norms) < 2:
        return None
    first, last = _last(norms[0], until), _last(norms[-1], until)
    if first > _MAX_RATIO * last:
        return "exploding gradient"
    if first < _MIN_RATIO * last and first < _MIN_FIRST:
        return "vanishing gradient"
    return None


def _last(series: Series, until: float) -> float:
    values = series.values[series.positions <= until]
    return float(values[-1]) if len(values) else float("nan")


def _oscillates(accuracy: FloatArray) -> bool:
    """Whether enough local maxima stand above the local minimum of the same rank."""
    inner, before, after = accuracy[1:-1], accuracy[:-2], accuracy[2:]
    peaks = inner[(inner > before) & (inner > after)]
    valleys = inner[(inner < before) & (inner < after)]
    pairs = min(len(peaks), len(valleys))
    swings = int(np.sum(peaks[:pairs] - valleys[:pairs] >= _SWING))
    return swings >= _SWINGING_SHARE * len(accuracy)


AUTOTRAINER: Final = Comparator("AUTOTRAINER", NAMES, judge)
