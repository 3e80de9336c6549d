"""TheDeepChecker (Ben Braiek & Khomh, TOSEM 2022): its checks of a training that goes on.

Formulas and thresholds are those of the paper. It checks every few steps, which are the user's
to choose: five here, each check on what was measured since the one before. Stand-ins: the root
mean square of a layer's gradient for its mean size, the share of units that never fired for
those below 1e-5, and the share of saturated outputs for its saturation index. Left out, as
nothing of it is recorded: the checks of weights, of the regulariser, of the scale of
activations, and those that run trainings of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from benchmarks.error_rates.comparators.comparator import Comparator, Detector, earliest_first
from benchmarks.error_rates.comparators.readings import (
    BoolArray,
    Checks,
    FloatArray,
    checks_of,
    earliest,
    epochs_of,
    first_position,
    first_run,
    mean_gradients,
)
from tuneguard import keys
from tuneguard.history import Axis, Role, RunHistory, Series

_EVERY: Final = 5
_WINDOW: Final = 5
_INITIAL_DEVIATION: Final = 1.0
_MIN_DECREASE: Final = 0.05
_DIVERGED: Final = 2.0
_SWITCH_CHECKS: Final = 50
_MAX_SWITCHES: Final = 0.5
_MIN_CORRELATION: Final = 0.5
_LARGEST_GRADIENT: Final = 1e6
_SMALLEST_GRADIENT: Final = 1e-6
_GROWTH: Final = 2.0
_UPDATE_BAND: Final = (1e-4, 1e-1)
_MOST_UNITS: Final = 0.5

NAMES: Final = {
    "initial loss": ("bad-initial-loss", "input-scale", "output-loss-mismatch"),
    "diverging loss": ("divergence", "learning-rate-too-high", "non-finite-values"),
    "exploding gradient": ("exploding-gradients", "learning-rate-too-high"),
    "vanishing gradient": ("vanishing-gradients",),
    "dead units": ("dead-units",),
    "saturated units": ("saturated-units",),
    "updates too large": ("learning-rate-too-high", "exploding-gradients"),
    "updates too small": ("learning-rate-too-low", "vanishing-gradients", "frozen-parameters"),
    "loss not decreasing": (
        "no-learning",
        "learning-rate-too-low",
        "underfitting",
        "loss-plateau",
    ),
    "fluctuating loss": ("learning-rate-oscillation", "learning-rate-too-high", "batch-size"),
    "loss and metric disagree": ("output-loss-mismatch",),
}


def _looks(series: Series) -> Checks:
    return checks_of(series, _EVERY if series.axis is Axis.STEP else 1)


def _on_loss(fires: Callable[[FloatArray], BoolArray]) -> Detector:
    def detect(history: RunHistory) -> float | None:
        loss = history.get(Role.TRAIN_LOSS)
        return None if loss is None else _first(loss, fires)

    return detect


def _first(series: Series, fires: Callable[[FloatArray], BoolArray]) -> float | None:
    looks = _looks(series)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        return first_position(looks.positions, fires(looks.values))


def _on_layers(quantity: str, fires: Callable[[FloatArray], BoolArray]) -> Detector:
    def detect(history: RunHistory) -> float | None:
        return earliest([_first(one, fires) for one in history.of_layers(quantity).values()])

    return detect


def _on_gradients(fires: Callable[[FloatArray], BoolArray]) -> Detector:
    def detect(history: RunHistory) -> float | None:
        return earliest([_first(one, fires) for one in mean_gradients(history).values()])

    return detect


def initial_loss(history: RunHistory) -> float | None:
    """The first loss is more than twice the logarithm of the number of classes."""
    loss, classes = history.get(Role.TRAIN_LOSS), history.hyperparameters.num_classes
    if loss is None or len(loss) == 0 or classes is None or classes < 2:
        return None
    expected = math.log(classes)
    is_far = not abs(loss.values[0] - expected) <= _INITIAL_DEVIATION * expected
    return float(loss.positions[0]) if is_far else None


def _diverges(losses: FloatArray) -> BoolArray:
    lowest = np.fmin.accumulate(losses)
    is_above = ~np.isfinite(losses) | (losses >= _DIVERGED * lowest)
    return first_run(is_above, _WINDOW)


def _does_not_decrease(losses: FloatArray) -> BoolArray:
    is_idle = losses[1:] > (1.0 - _MIN_DECREASE) * losses[:-1]
    return np.append(False, first_run(is_idle, _WINDOW))[: len(losses)]


def _fluctuates(losses: FloatArray) -> BoolArray:
    if len(losses) < _SWITCH_CHECKS:
        return np.zeros(len(losses), dtype=np.bool_)
    signs = np.sign(np.diff(losses))
    switches = np.cumsum(np.append([0.0, 0.0], signs[1:] * signs[:-1] < 0.0))
    share = (switches[_SWITCH_CHECKS - 1 :] - switches[: 1 - _SWITCH_CHECKS]) / (
        _SWITCH_CHECKS - 2
    )
    return np.append(np.zeros(_SWITCH_CHECKS - 1, dtype=np.bool_), share > _MAX_SWITCHES)


def metric_disagrees(history: RunHistory) -> float | None:
    """Over the whole run, validation loss and accuracy are hardly correlated."""
    epochs = epochs_of(history)
    if epochs is None or epochs.accuracy is None or len(epochs.positions) < _WINDOW:
        return None
    pair = np.array([epochs.validation, epochs.accuracy])
    pair = pair[:, np.isfinite(pair).all(axis=0)]
    if pair.shape[1] < _WINDOW or np.ptp(pair, axis=1).min() == 0.0:
        return None
    correlation = float(np.corrcoef(pair)[0, 1])
    return float(epochs.positions[-1]) if abs(correlation) < _MIN_CORRELATION else None


def _grows(values: FloatArray) -> BoolArray:
    is_doubled = np.append(False, values[1:] >= _GROWTH * values[:-1])[: len(values)]
    return (values > _LARGEST_GRADIENT) | first_run(is_doubled, _WINDOW)


def _fades(values: FloatArray) -> BoolArray:
    is_halved = np.append(False, values[1:] * _GROWTH <= values[:-1])[: len(values)]
    return (values < _SMALLEST_GRADIENT) | first_run(is_halved, _WINDOW)


THE_DEEP_CHECKER: Final = Comparator(
    "TheDeepChecker",
    NAMES,
    earliest_first(
        {
            "initial loss": initial_loss,
            "diverging loss": _on_loss(_diverges),
            "exploding gradient": _on_gradients(_grows),
            "vanishing gradient": _on_gradients(_fades),
            "dead units": _on_layers(keys.DEAD_UNITS, lambda v: v > _MOST_UNITS),
            "saturated units": _on_layers(keys.SATURATED_UNITS, lambda v: v > _MOST_UNITS),
            "updates too large": _on_layers(
                keys.UPDATE_RATIO, lambda v: first_run(v > _UPDATE_BAND[1], _WINDOW)
            ),
            "updates too small": _on_layers(
                keys.UPDATE_RATIO, lambda v: first_run(v < _UPDATE_BAND[0], _WINDOW)
            ),
            "loss not decreasing": _on_loss(_does_not_decrease),
            "fluctuating loss": _on_loss(_fluctuates),
            "loss and metric disagree": metric_disagrees,
        }
    ),
)
