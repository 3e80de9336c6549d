"""Numbers and settings of a run, as a prescription words them."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from tuneguard import keys
from tuneguard.history import Role, RunHistory


def number(value: float) -> str:
    """Write a number with as many digits as a setting needs.

    >>> number(0.00312345), number(100.0), number(3e-7)
    ('0.00312', '100', '3e-07')
    """
    return f"{value:.3g}"


def rounded(value: float) -> float:
    """Round to two significant digits: nobody sets a learning rate of 0.0031234.

    >>> rounded(0.0031234)
    0.0031
    """
    if value == 0.0 or not math.isfinite(value):
        return value
    return float(f"{value:.1e}")


def learning_rate_of(history: RunHistory) -> float | None:
    """Return the highest learning rate that the run used, or the one in its params."""
    series = history.get(Role.LEARNING_RATE)
    if series is not None and series.is_finite.any():
        return float(np.max(series.finite().values))
    return history.hyperparameters.learning_rate


def has_several_rates(history: RunHistory) -> bool:
    """Whether the run's parameter groups have learning rates of their own."""
    groups = [
        series.finite()
        for key, series in history.series.items()
        if key.startswith(f"{keys.LEARNING_RATE}/") and series.is_finite.any()
    ]
    return len({rounded(float(np.max(group.values))) for group in groups}) > 1


def setting(value: float | str | None) -> str | None:
    """Word a setting of the run, or `None` where the run does not say."""
    if value is None:
        return None
    return number(value) if isinstance(value, float) else value


def listed(names: Iterable[str], most: int = 4) -> str:
    """Write names for a sentence, the first few of many.

    >>> listed(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    all_names = list(names)
    rest = len(all_names) - most
    return ", ".join(all_names[:most]) + (f" and {rest} more" if rest > 0 else "")
