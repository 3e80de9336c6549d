"""What is measured of a healthy network while it trains: layers, units, gradients, the machine."""

from __future__ import annotations

import numpy as np

from benchmarks.synthetic_noise.courses import FloatArray, remembering
from tuneguard import keys
from tuneguard.recording.schedule import Look, Schedule

Columns = dict[str, tuple[FloatArray, FloatArray]]

_STRIDES = (1, 20, 50)
_UNITS_EVERY = 4
MOMENTUM = 0.9


def network_series(
    generator: np.random.Generator, loss: FloatArray, rate: FloatArray, phi: float
) -> Columns:
    """Draw what a recorder measures beside losses and the learning rate.

    Args:
        generator: Where it is drawn from.
        loss: Shape `(n,)`: the level of the loss at each step.
        rate: Shape `(n,)`: factor on the learning rate.
        phi: How much of its noise each step carries over to the next.
    """
    schedule = Schedule(stride=int(generator.choice(_STRIDES)))
    looks = [step for step in range(len(loss)) if schedule.look(step) is Look.SAMPLE]
    at = np.array(looks, dtype=np.intp)
    count = int(generator.integers(2, 13))
    norms, ratios = _layers(generator, loss / loss[0], rate, phi, count)
    columns: Columns = {}
    for index in range(count):
        columns[f"{keys.GRADIENT_NORM}/layer{index:02}"] = (at, norms[index, at])
        columns[f"{keys.UPDATE_RATIO}/layer{index:02}"] = (at, ratios[index, at])
    columns[keys.GRADIENT_NORM_GLOBAL] = (at, np.sqrt(np.sum(norms[:, at] ** 2, axis=0)))
    columns[keys.UPDATE_RATIO_GLOBAL] = (at, np.sqrt(np.mean(ratios[:, at] ** 2, axis=0)))
    columns |= _directions(generator, at, phi)
    columns |= _units(generator, at[::_UNITS_EVERY], count)
    columns |= _machine(generator, len(loss))
    columns |= _beside(generator, at, columns[keys.UPDATE_RATIO_GLOBAL][1], phi)
    unit = _gradient_unit(generator, columns, float(loss[-1]))
    for key in [one for one in columns if one.startswith(keys.GRADIENT_NORM)]:
        columns[key] = (at, unit * columns[key][1])
    return {key: (steps.astype(float), values) for key, (steps, values) in columns.items()}


def _gradient_unit(generator: np.random.Generator, columns: Columns, lowest: float) -> float:
    """Return the unit of gradients in which long steps hold up little of the lowest loss.

    As `tuneguard.statistics.noise_floor` estimates it, for the momentum of these runs.
    """
    held_up = 10.0 ** generator.uniform(-2.3, -0.8)
    gradient, update = (
        float(np.median(columns[key][1][len(columns[key][1]) // 2 :]))
        for key in (keys.GRADIENT_NORM_GLOBAL, keys.UPDATE_NORM_GLOBAL)
    )
    usual = 0.25 * gradient * update * np.sqrt((1.0 + MOMENTUM) / (1.0 - MOMENTUM))
    return float(held_up * lowest / usual)


def _layers(
    generator: np.random.Generator, level: FloatArray, rate: FloatArray, phi: float, count: int
) -> tuple[FloatArray, FloatArray]:
    """Return gradient norms and update ratios, both of shape `(count, n)`."""
    points = len(level)
    noise = generator.uniform(0.1, 0.5)
    shared = np.exp(noise * remembering(generator, points, phi))
    course = level ** generator.uniform(-0.2, 0.8) * shared
    fading = generator.uniform(0.8, 1.1) ** np.arange(count)
    norms, ratios = np.empty((2, count, points))
    usual = 10.0 ** generator.uniform(-3.3, -2.3)
    for index in range(count):
        own = np.exp(0.5 * generator.normal() + 0.2 * remembering(generator, points, phi))
        norms[index] = fading[count - 1 - index] * course * own
        own = np.exp(0.4 * generator.normal() + 0.2 * remembering(generator, points, phi))
        ratios[index] = usual * np.maximum(rate, 1e-4) * course**0.3 * own
    return norms, ratios


def _directions(generator: np.random.Generator, at: FloatArray, phi: float) -> Columns:
    def around(center: float, spread: float) -> FloatArray:
        return center + spread * remembering(generator, len(at), phi)

    noisy = 10.0 ** generator.uniform(-0.3, 0.9)
    columns = {
        keys.GRADIENT_COSINE: np.clip(around(generator.uniform(0.0, 0.4), 0.1), -1.0, 1.0),
        keys.COSINE_TO_UPDATE: np.clip(around(generator.uniform(-0.4, -0.1), 0.1), -1.0, 1.0),
        keys.NOISE_TO_SIGNAL: noisy * np.exp(around(0.0, 0.3)),
        keys.CURVATURE: 10.0 ** generator.uniform(-1.0, 1.0) * np.exp(around(0.0, 0.3)),
    }
    if generator.random() < 0.3:  # clipped at times
        columns[keys.CLIPPING_FACTOR] = np.minimum(1.0, np.exp(around(0.3, 0.25)))
        columns[keys.CLIPPED_FRACTION] = (columns[keys.CLIPPING_FACTOR] < 1.0).astype(float)
    return {key: (at, values) for key, values in columns.items()}


def _units(generator: np.random.Generator, at: FloatArray, count: int) -> Columns:
    columns: Columns = {}
    for index in range(count):
        for quantity, most in (
            (keys.DEAD_UNITS, 0.15),
            (keys.SATURATED_UNITS, 0.1),
            (keys.ZERO_GRADIENT_UNITS, 0.1),
        ):
            share = generator.uniform(0.0, most) + 0.02 * generator.normal(size=len(at))
            columns[f"{quantity}/layer{index:02}"] = (at, np.clip(share, 0.0, 1.0))
    return columns


def _beside(
    generator: np.random.Generator, at: FloatArray, ratios: FloatArray, phi: float
) -> Columns:
    """Sizes of updates and inputs, what gradients were added to, steps that were not taken."""
    weights = 10.0 ** generator.uniform(0.5, 1.5) * (
        1.0 + generator.uniform(0.0, 0.5) * at / at[-1]
    )
    mean, spread = generator.normal(0.0, 0.5), 10.0 ** generator.uniform(-0.4, 0.4)
    inputs = mean + 0.1 * spread * remembering(generator, len(at), phi)
    columns: Columns = {
        keys.UPDATE_NORM_GLOBAL: (at, ratios * weights),
        keys.INPUT_MEAN: (at, inputs),
        keys.INPUT_DEVIATION: (at, np.full(len(at), spread)),
        keys.CARRIED_GRADIENT: (at[1:6], np.zeros(len(at[1:6]))),
    }
    if generator.random() < 0.3:  # mixed precision finds its scale
        skipped = np.cumsum(generator.random(len(at)) < np.where(at < 20, 0.3, 1e-3))
        columns[keys.SKIPPED_STEPS] = (at, skipped.astype(float))
    return columns


def _machine(generator: np.random.Generator, points: int) -> Columns:
    steps = np.arange(points)
    seconds = 10.0 ** generator.uniform(-3.0, 0.0) * np.exp(0.05 * generator.normal(size=points))
    seconds[generator.random(points) < 0.005] *= 4.0  # something else ran
    waiting = np.clip(generator.uniform(0.0, 0.15) + 0.02 * generator.normal(size=points), 0, 1)
    now_and_then = steps[:: max(1, points // 200)]
    warm = 1.0 - np.exp(-now_and_then / max(1.0, 0.05 * points))
    memory = 1500.0 + 300.0 * warm + 3.0 * generator.normal(size=len(now_and_then))
    busy = 85.0 + 4.0 * generator.normal(size=len(now_and_then))
    return {
        keys.STEP_SECONDS: (steps, seconds),
        keys.DATA_WAIT_FRACTION: (steps, waiting),
        keys.SAMPLES_PER_SECOND: (steps, 64.0 / seconds),
        keys.PROCESS_MEMORY: (now_and_then, memory),
        f"{keys.SYSTEM}/gpu_0_utilization_percentage": (now_and_then, np.clip(busy, 0, 100)),
        f"{keys.SYSTEM}/gpu_0_memory_usage_percentage": (now_and_then, np.full(len(busy), 60.0)),
    }
