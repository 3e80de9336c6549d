"""Learning-rate schedules: from the share of the steps that are done to a factor on the rate."""

from __future__ import annotations

import math

WARM = 0.1


def cosine(done: float) -> float:
    """Fall to nothing along half a cosine."""
    return 0.5 * (1.0 + math.cos(math.pi * done))


def warmup_cosine(done: float) -> float:
    """Rise over the first tenth, then fall along half a cosine."""
    return (done + 0.01) / WARM if done < WARM else cosine((done - WARM) / (1.0 - WARM))


def warmup(done: float) -> float:
    """Rise over the first tenth, then stay."""
    return min((done + 0.01) / WARM, 1.0)


def one_cycle(done: float) -> float:
    """Rise from a tenth over three tenths of the steps, then fall to a hundredth."""
    if done < 0.3:
        return 0.1 + 0.9 * done / 0.3
    return 0.01 + 0.99 * cosine((done - 0.3) / 0.7)


def steps_down(done: float) -> float:
    """Fall to a fifth at half and again at three quarters of the steps."""
    return 0.2 ** ((done >= 0.5) + (done >= 0.75))


def triangular(done: float) -> float:
    """Rise from a fifth and fall back five times."""
    return 0.2 + 0.8 * (1.0 - abs(2.0 * (5.0 * done % 1.0) - 1.0))


def warm_restarts(done: float) -> float:
    """Fall along a cosine four times, each from the full rate."""
    return 0.02 + 0.98 * cosine(4.0 * done % 1.0)
