"""SageMaker Debugger: the built-in rules whose tensors the callback records.

Formulas and defaults are those of its documentation ("List of Debugger Built-in Rules"); the
rules' source was never published. Tensors are taken to be saved at every recorded step, which
costs more than its defaults do. Stand-ins, where only a norm is recorded: the root mean square
of a layer's gradient for its mean size and, times 3.29 as of a normal distribution, for the
distance of its 5th from its 95th percentile; the size of the update over that of the weights
for the comparison of single weights. Left out: the variance of initial weights, input images,
class imbalance and confusion, the rules on trees and text, and those of the profiler.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from benchmarks.error_rates.comparators.comparator import Comparator, earliest_first
from benchmarks.error_rates.comparators.readings import (
    BoolArray,
    FloatArray,
    earliest,
    epochs_of,
    first_position,
    first_run,
    mean_gradients,
)
from tuneguard import keys
from tuneguard.history import Role, RunHistory, Series

_SMALLEST_GRADIENT: Final = 1e-7
_LOSS_STEPS: Final = 10
_OVERFIT_RATIO: Final = 0.1
_PATIENCE_TRAIN: Final = 5
_PATIENCE_VALIDATION: Final = 10
_MIN_IMPROVEMENT: Final = 0.1
_MOST_UNITS: Final = 0.5
_MAX_UPDATE: Final = 10.0
_MIN_UPDATE: Final = 1e-8
_UNCHANGED: Final = 1e-5
_UNCHANGED_STEPS: Final = 3
_NORMAL_RANGE: Final = 3.29
_MIN_RANGE: Final = 1e-3
_INITIAL_STEPS: Final = 10
_INITIAL_PATIENCE: Final = 5

NAMES: Final = {
    "ExplodingTensor": ("non-finite-values", "exploding-gradients", "divergence"),
    "PoorWeightInitialization": (
        "bad-initial-loss",
        "vanishing-gradients",
        "exploding-gradients",
        "saturated-units",
    ),
    "VanishingGradient": ("vanishing-gradients", "dead-units"),
    "AllZero": ("frozen-parameters", "dead-units", "vanishing-gradients"),
    "UnchangedTensor": ("frozen-parameters", "learning-rate-too-low"),
    "WeightUpdateRatio (large)": ("learning-rate-too-high", "exploding-gradients"),
    "WeightUpdateRatio (small)": ("frozen-parameters", "learning-rate-too-low"),
    "DeadRelu": ("dead-units",),
    "SaturatedActivation": ("saturated-units",),
    "LossNotDecreasing": ("no-learning", "learning-rate-too-low", "loss-plateau", "underfitting"),
    "Overfit": ("overfitting", "overconfidence", "no-generalization"),
    "Overtraining": ("overfitting", "wasted-epochs"),
}


def _first(series: Series, fires: Callable[[FloatArray], BoolArray]) -> float | None:
    with np.errstate(invalid="ignore"):
        return first_position(series.positions, fires(series.values))


def _in_any_layer(
    quantity: str, fires: Callable[[FloatArray], BoolArray]
) -> Callable[[RunHistory], float | None]:
    def detect(history: RunHistory) -> float | None:
        return earliest([_first(one, fires) for one in history.of_layers(quantity).values()])

    return detect


def exploding_tensor(history: RunHistory) -> float | None:
    """Any recorded value is NaN or infinite."""
    return earliest([_first(one, lambda v: ~np.isfinite(v)) for one in history.series.values()])


def vanishing_gradient(history: RunHistory) -> float | None:
    """The mean size of a layer's gradient is below 1e-7."""
    layers = mean_gradients(history).values()
    return earliest([_first(one, lambda v: v < _SMALLEST_GRADIENT) for one in layers])


def poor_weight_initialization(history: RunHistory) -> float | None:
    """A layer's gradients lie too close together in five of its first ten steps."""

    def fires(values: FloatArray) -> BoolArray:
        is_narrow = _NORMAL_RANGE * values[:_INITIAL_STEPS] < _MIN_RANGE
        return np.append(
            np.cumsum(is_narrow) >= _INITIAL_PATIENCE,
            np.zeros(max(0, len(values) - _INITIAL_STEPS), dtype=np.bool_),
        )

    return earliest([_first(one, fires) for one in mean_gradients(history).values()])


def loss_not_decreasing(history: RunHistory) -> float | None:
    """Every ten steps, the loss is held against that of ten steps before."""
    loss = history.get(Role.TRAIN_LOSS)
    if loss is None or len(loss) <= _LOSS_STEPS:
        return None
    checked = loss.values[::_LOSS_STEPS]
    return first_position(loss.positions[::_LOSS_STEPS][1:], checked[1:] >= checked[:-1])


def overfit(history: RunHistory) -> float | None:
    """Validation loss exceeds training loss by more than a tenth of it."""
    epochs = epochs_of(history)
    if epochs is None:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (epochs.validation - epochs.train) / epochs.train
    return first_position(epochs.positions, ratio > _OVERFIT_RATIO)


def overtraining(history: RunHistory) -> float | None:
    """Neither loss improved by a tenth for as many evaluations as its patience lasts."""
    epochs = epochs_of(history)
    if epochs is None:
        return None
    is_idle = (_since_improved(epochs.train) >= _PATIENCE_TRAIN) & (
        _since_improved(epochs.validation) >= _PATIENCE_VALIDATION
    )
    return first_position(epochs.positions, is_idle)


def _since_improved(losses: FloatArray) -> FloatArray:
    best, idle, count = np.inf, [], 0
    for loss in losses:
        is_better = loss < best - _MIN_IMPROVEMENT
        best, count = (loss, 0) if is_better else (best, count + 1)
        idle.append(count)
    return np.array(idle, dtype=np.float64)


SAGEMAKER_DEBUGGER: Final = Comparator(
    "SageMaker Debugger",
    NAMES,
    earliest_first(
        {
            "ExplodingTensor": exploding_tensor,
            "PoorWeightInitialization": poor_weight_initialization,
            "VanishingGradient": vanishing_gradient,
            "AllZero": _in_any_layer(keys.GRADIENT_NORM, lambda v: v == 0.0),
            "UnchangedTensor": _in_any_layer(
                keys.UPDATE_RATIO, lambda v: first_run(v <= _UNCHANGED, _UNCHANGED_STEPS)
            ),
            "WeightUpdateRatio (large)": _in_any_layer(
                keys.UPDATE_RATIO, lambda v: v > _MAX_UPDATE
            ),
            "WeightUpdateRatio (small)": _in_any_layer(
                keys.UPDATE_RATIO, lambda v: v < _MIN_UPDATE
            ),
            "DeadRelu": _in_any_layer(keys.DEAD_UNITS, lambda v: v > _MOST_UNITS),
            "SaturatedActivation": _in_any_layer(keys.SATURATED_UNITS, lambda v: v > _MOST_UNITS),
            "LossNotDecreasing": loss_not_decreasing,
            "Overfit": overfit,
            "Overtraining": overtraining,
        }
    ),
)
