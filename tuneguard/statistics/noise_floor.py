"""How much of the loss the length of the steps holds up, by the noise of the batches."""

from __future__ import annotations

import math

import numpy as np

from tuneguard import keys
from tuneguard.history import RunHistory
from tuneguard.statistics.weighted import weighted_median

_DEFAULT_BETA = 0.9
_LARGEST_BETA = 0.9999


def held_up_loss(history: RunHistory, *, after: float = 0.5) -> float | None:
    """Estimate how far the loss would come down if the learning rate decayed to zero.

    Around a minimum with Hessian `H`, steps `-lr * gradient` under gradient noise of covariance
    `S` settle where their covariance `C` satisfies `HC + CH = lr S`, so that the loss lies
    `trace(HC) / 2 = lr * trace(S) / 4` above the minimum. There noise makes up the gradient, and
    that is a quarter of the norm of the update times that of the gradient. With momentum `b` the
    update forgets the noise of single batches: its norm stands for `sqrt((1 + b) / (1 - b))`
    times as much. Far from a minimum it is an upper bound. After Mandt, Hoffman & Blei (2017),
    Stochastic Gradient Descent as Approximate Bayesian Inference, section 3.

    Args:
        history: The run.
        after: Share of the run from which on gradients and updates count.

    Returns:
        That difference, in the unit of the loss; `None` where norms of gradients or updates were
        not recorded.

    >>> points = [(step, 2.0) for step in range(10)]
    >>> norms = {"gradient_norm/global": points, "update_norm/global": points}
    >>> held_up_loss(RunHistory.from_series(norms, {"optimizer": "SGD", "momentum": 0.6}))
    2.0
    """
    norms = [
        _median(history, key, after)
        for key in (keys.GRADIENT_NORM_GLOBAL, keys.UPDATE_NORM_GLOBAL)
    ]
    gradient, update = norms
    if gradient is None or update is None:
        return None
    beta = _momentum(history)
    return 0.25 * gradient * update * math.sqrt((1.0 + beta) / (1.0 - beta))


def _median(history: RunHistory, key: str, after: float) -> float | None:
    series = history.series.get(key) or history.series.get(f"{keys.PREFIX}{key}")
    if series is None:
        return None
    finite = series.where(series.positions > after).finite()
    return weighted_median(finite.values, finite.weights) if len(finite) else None


def _momentum(history: RunHistory) -> float:
    """Return how much of an update is the one before: momentum, or the first beta of Adam."""
    known = history.hyperparameters
    if known.momentum is not None:
        return float(np.clip(known.momentum, 0.0, _LARGEST_BETA))
    is_adaptive = known.optimizer is not None and "adam" in known.optimizer.lower()
    return _DEFAULT_BETA if is_adaptive else 0.0
