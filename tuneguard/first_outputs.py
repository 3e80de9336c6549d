"""Whether a model's first outputs are large, as its last layer tells."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce

import numpy as np

from tuneguard import keys
from tuneguard.findings import Evidence
from tuneguard.first_steps import FIRST_STEPS
from tuneguard.history import RunHistory
from tuneguard.model_layers import model_layers
from tuneguard.statistics.output_size import outputs_over_spread


def first_outputs(history: RunHistory, spread: float, threshold: float) -> Evidence | None:
    """Estimate the mean square of a regression's first outputs over the spread of its targets.

    Args:
        history: The run.
        spread: The loss of predicting the mean of the targets.
        threshold: What the evidence is held against.

    Returns:
        `None` where the layers were not measured at the first steps, or the last is not linear.
    """
    outputs, sizes = history.hyperparameters.output_units, _trained_sizes(history)
    last = next(reversed(sizes), None)
    if last is None or not outputs or sizes[last] % outputs:
        return None
    measured = _at_first_update(history, last)
    if measured is None:
        return None
    share = math.sqrt(sizes[last] / sum(sizes.values()))
    if (history.hyperparameters.optimizer or "").startswith("SGD"):
        share = measured.gradient / measured.all_gradients
    value = outputs_over_spread(
        measured.update * share / measured.ratio,
        measured.gradient,
        inputs=sizes[last] / outputs,
        loss=measured.loss,
        spread=spread,
    )
    at = (measured.step, measured.step)
    words = "mean square of the first outputs over the spread of the targets"
    return Evidence(f"{keys.GRADIENT_NORM}/{last}", words, value, threshold, at)


@dataclass(frozen=True, slots=True)
class _Measured:
    """What was measured at the first step that changed the model.

    Attributes:
        step: Which step.
        loss: Training loss.
        update: L2 norm of the update of all weights.
        ratio: Update of the last layer over its weights.
        gradient: L2 norm of the gradient of the last layer.
        all_gradients: L2 norm of all gradients.
    """

    step: float
    loss: float
    update: float
    ratio: float
    gradient: float
    all_gradients: float


def _trained_sizes(history: RunHistory) -> dict[str, int]:
    """Return the numbers of parameters of the layers that updates were measured of, in order."""
    layers = model_layers(history)
    measured = (name for name in layers.names if f"{keys.UPDATE_RATIO}/{name}" in history.series)
    return {name: layers.sizes[name] for name in measured if name in layers.sizes}


def _at_first_update(history: RunHistory, last: str) -> _Measured | None:
    """Return what the first update was like; a warm-up may begin with none."""
    names = (
        keys.TRAIN_LOSS,
        keys.UPDATE_NORM_GLOBAL,
        f"{keys.UPDATE_RATIO}/{last}",
        f"{keys.GRADIENT_NORM}/{last}",
        keys.GRADIENT_NORM_GLOBAL,
    )
    found = [history.series.get(name) for name in names]
    series = [one.where(one.steps < FIRST_STEPS) for one in found if one is not None]
    if len(series) < len(names):
        return None
    steps = reduce(np.intersect1d, [one.steps for one in series])
    values = np.array([one.values[np.isin(one.steps, steps)] for one in series])
    usable = np.flatnonzero((np.isfinite(values) & (values > 0.0)).all(axis=0))
    if len(usable) == 0:
        return None
    return _Measured(float(steps[usable[0]]), *map(float, values[:, usable[0]]))
