"""How a healthy run comes down, and the noise around it."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter, lfiltic

FloatArray: TypeAlias = NDArray[np.float64]
Decay = Literal["exponential", "power law", "late start", "two stages"]
Schedule = Literal["constant", "cosine", "warm-up and cosine", "steps"]

DECAYS: tuple[Decay, ...] = get_args(Decay)
SCHEDULES: tuple[Schedule, ...] = get_args(Schedule)


def remembering(generator: np.random.Generator, count: int, phi: float) -> FloatArray:
    """Draw stationary Gaussian AR(1) noise of unit variance.

    Args:
        generator: Where it is drawn from.
        count: How many points.
        phi: How much of each point is carried over to the next, from 0 to below 1.
    """
    shocks = generator.normal(size=count) * np.sqrt(1.0 - phi**2)
    state = lfiltic([1.0], [1.0, -phi], [generator.normal()])
    return np.asarray(lfilter([1.0], [1.0, -phi], shocks, zi=state)[0])


def learning_rate(
    generator: np.random.Generator, schedule: Schedule, done: FloatArray
) -> FloatArray:
    """Return the factor on the learning rate.

    Args:
        generator: Decides on the length of a warm-up and on the size of the steps.
        schedule: Kind of schedule.
        done: Shape `(n,)`: share of the run that is done, from 0 to 1.
    """
    if schedule == "constant":
        return np.ones_like(done)
    if schedule == "steps":
        drop = generator.choice([0.1, 0.2, 0.3])
        return np.asarray(drop ** ((done >= 0.5).astype(float) + (done >= 0.75)))
    cosine = 0.5 * (1.0 + np.cos(np.pi * done))
    if schedule == "cosine":
        return np.asarray(cosine)
    warm = generator.uniform(0.02, 0.1)
    after = 0.5 * (1.0 + np.cos(np.pi * np.clip((done - warm) / (1.0 - warm), 0.0, 1.0)))
    return np.asarray(np.where(done < warm, np.maximum(done, 1e-3) / warm, after))


def course(
    generator: np.random.Generator, decay: Decay, schedule: Schedule, done: FloatArray
) -> FloatArray:
    """Return what is left of the loss that can be lost, from 1 down to near 0.

    At the end of the run hardly anything is left: a run that was stopped early is not healthy.
    """
    if decay == "power law":
        share, exponent = generator.uniform(0.005, 0.04), generator.uniform(1.0, 2.0)
        return np.asarray((1.0 + done / share) ** -exponent)
    pace = generator.uniform(0.05, 0.18)
    if decay == "exponential":
        return np.asarray(np.exp(-done / pace))
    if decay == "late start":
        idle = generator.uniform(0.02, 0.15)
        return np.asarray(np.exp(-np.clip(done - idle, 0.0, None) / min(pace, 0.12)))
    second = generator.uniform(0.05, 0.4)
    turn = 0.5 if schedule == "steps" else generator.uniform(0.2, 0.5)
    later = np.exp(-np.clip(done - turn, 0.0, None) / 0.06)
    return np.asarray((1.0 - second) * np.exp(-done / min(pace, 0.1)) + second * later)
