"""Runs whose validation says another thing than their training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.rules.synthetic.run import (
    CHANCE,
    EVERY,
    PARAMS,
    STEPS,
    FloatArray,
    Run,
    fall,
    healthy,
    noise,
    steps,
    validated,
)


def overfitted(seed: int) -> Run:
    """Validation turns round at a third of the run; training goes on falling."""
    run, at = healthy(seed), validated()
    climb = 1.2 * np.clip((at - 200.0) / 400.0, 0.0, None)
    train = fall(steps(), CHANCE, 0.02, 120.0) * np.exp(0.1 * noise(seed + 1, STEPS, 0.3))
    return run.having(train=train, validation=run.values("validation/loss") + climb)


def scored(run: Run, seed: int, accuracy: FloatArray, spread: float = 0.004) -> Run:
    """Add a validation accuracy with a little noise."""
    values = accuracy + spread * noise(seed + 40_000, len(accuracy))
    return replace(run, others={**run.others, "validation/accuracy": (validated(), values)})


def overconfident(seed: int) -> Run:
    """The validation loss turns round as in `overfitted`; the accuracy rises to the end."""
    return scored(overfitted(seed), seed, 0.9 - 0.8 * np.exp(-validated() / 150.0))


def memorised(seed: int) -> Run:
    """Training learns its samples by heart; validation stays at chance and then gets worse."""
    climb = 0.002 * np.clip(validated() - 200.0, 0.0, None)
    validation = CHANCE + climb + 0.02 * noise(seed + 1, STEPS // EVERY)
    train = fall(steps(), CHANCE, 0.02, 120.0) + 0.02 * noise(seed, STEPS)
    run = healthy(seed).having(train=train, validation=validation)
    return scored(run, seed, np.full(STEPS // EVERY, 0.1))


def leaked(seed: int) -> Run:
    """Validation is solved while training, of a model without dropout, is far from it."""
    train = fall(steps(), CHANCE, 0.8) + 0.05 * noise(seed, STEPS)
    validation = fall(validated(), CHANCE, 0.01) * np.exp(0.1 * noise(seed + 1, STEPS // EVERY))
    run = healthy(seed).having(train=train, validation=validation)
    return replace(run, params={**PARAMS, "dropout": 0.0})


def jumpy(seed: int) -> Run:
    """Training falls steadily; validation jumps about by as much as was gained."""
    run = healthy(seed)
    jumps = 3.0 * noise(seed + 1, STEPS // EVERY)
    return run.having(validation=run.values("validation/loss") + jumps)


def ended_early(seed: int) -> Run:
    """Both losses still fall fast when the run ends."""
    train = fall(steps(), CHANCE, 0.3, 600.0) + 0.05 * noise(seed, STEPS, 0.3)
    validation = fall(validated(), CHANCE, 0.4, 600.0) + 0.01 * noise(seed + 1, STEPS // EVERY)
    return healthy(seed).having(train=train, validation=validation)


def flat_for_long(seed: int) -> Run:
    """Everything is learned in the first tenth of the run."""
    at = np.arange(9.0, STEPS, 10.0)
    train = fall(steps(), CHANCE, 0.3, 12.0) + 0.05 * noise(seed, STEPS, 0.3)
    validation = fall(at, CHANCE, 0.4, 12.0) + 0.01 * noise(seed + 1, len(at))
    run = healthy(seed).having(train=train)
    return replace(run, losses={**run.losses, "validation/loss": (at, validation)})


def underfitted(seed: int, *, level: float = 0.6, **params: object) -> Run:
    """Both losses settle at `level` of chance; by default the model has too few parameters."""
    end = level * CHANCE
    train = fall(steps(), CHANCE, end) + 0.06 * noise(seed, STEPS, 0.3)
    validation = fall(validated(), CHANCE, end + 0.03)
    validation += 0.01 * noise(seed + 1, len(validation))
    changed = healthy(seed).having(train=train, validation=validation)
    return replace(changed, params={**PARAMS, **(params or {"parameter_count": 300})})
