"""Runs whose loss or gradients go wrong while they train."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.rules.synthetic.run import (
    CHANCE,
    EVERY,
    LAYERS,
    STEPS,
    Run,
    fall,
    healthy,
    noise,
    steps,
    validated,
)


def exploding(seed: int, leap: float = 200.0) -> Run:
    """Three steps whose gradient leaps while their loss does not; the weights are thrown out."""
    run = healthy(seed)
    norm = run.values("gradient_norm/global")
    first = 200 + 10 * (seed % 10)
    norm[[first, first + 90, first + 170]] *= leap
    train = run.values("train/loss")
    train[first + 1 :] += 0.8 * (CHANCE - 0.3)
    validation = run.values("validation/loss")
    validation[validated() > first] += 0.8 * (CHANCE - 0.3)
    return run.having(norm=norm, train=train, validation=validation)


def vanishing(seed: int, layers: tuple[str, ...] = LAYERS) -> Run:
    """Each layer passes on a fifth of its gradient; the loss stays at chance level."""
    run = unlearned(seed)
    norms = {
        f"gradient_norm/{name}": (
            steps(),
            0.2 ** (len(layers) - index) * np.exp(0.2 * noise(seed + index, STEPS)),
        )
        for index, name in enumerate(LAYERS)
    }
    return replace(run, norms={**run.norms, **norms}, layers=layers)


def oscillating(seed: int) -> Run:
    """Both losses come half way down and then jump about without getting anywhere."""
    run, at = healthy(seed), validated()
    swing = np.where(steps() > 60, 0.2 * np.repeat(noise(seed + 1, STEPS // 10), 10), 0.0)
    train = fall(steps(), CHANCE, 1.0, 40.0) + swing + 0.05 * noise(seed + 3, STEPS)
    validation = fall(at, CHANCE, 1.0, 40.0) + 0.2 * noise(seed + 2, len(at))
    return run.having(train=train, validation=validation)


def overshot(seed: int) -> Run:
    """The first steps throw the loss far above chance level, to which it slowly returns."""
    level = CHANCE * np.where(steps() < 2, 1.0, 1.03 + 4.0 * np.exp(-steps() / 15.0))
    updates = np.where(steps() < 30, 0.3, 0.02) * np.exp(0.2 * noise(seed + 1, STEPS))
    train = level * np.exp(0.02 * noise(seed, STEPS))
    return healthy(seed).having(train=train, validation=train[EVERY - 1 :: EVERY], updates=updates)


def not_a_number(seed: int) -> Run:
    """The loss becomes NaN for good somewhere in the second half."""
    run = healthy(seed)
    first = 300 + 10 * seed
    train, norm = run.values("train/loss"), run.values("gradient_norm/global")
    train[first:] = norm[first:] = np.nan
    return run.having(train=train, norm=norm)


def diverged(seed: int) -> Run:
    """From half way on the loss climbs, and never comes back."""
    run = healthy(seed)
    climb = 3.0 * np.clip((steps() - 300.0) / 300.0, 0.0, None)
    return run.having(
        train=run.values("train/loss") + climb,
        validation=run.values("validation/loss") + climb[EVERY - 1 :: EVERY],
    )


def unlearned(seed: int) -> Run:
    """The loss stays at chance level, as noise goes."""
    run = healthy(seed)
    train = CHANCE + 0.05 * noise(seed, STEPS)
    validation = CHANCE + 0.01 * noise(seed + 1, STEPS // EVERY)
    return run.having(train=train, validation=validation)


def crawling(seed: int) -> Run:
    """The loss falls along a straight line, by a tenth of chance level in the whole run."""
    run = healthy(seed)
    train = CHANCE * (1.0 - 0.1 * steps() / STEPS) + 0.02 * noise(seed, STEPS)
    updates = 1e-4 * np.exp(0.2 * noise(seed + 1, STEPS))
    return run.having(train=train, validation=train[EVERY - 1 :: EVERY], updates=updates)


def cut_short(seed: int) -> Run:
    """The learning rate decays once a step in place of once an epoch; the loss stays where it is.

    By then it has come down by a third, along the way that it would have gone on.
    """
    rate = 0.1 * 0.96 ** steps()
    way = np.cumsum(rate) / rate.sum()
    train = CHANCE * (1.0 - 0.35 * way) + 0.04 * noise(seed, STEPS, 0.3)
    return healthy(seed).having(train=train, validation=train[EVERY - 1 :: EVERY], rate=rate)


def held_up(seed: int, end: float = 0.5, update: float = 2.0) -> Run:
    """The loss settles at a share of chance level, on the noise of steps of that length."""
    run = healthy(seed)
    train = fall(steps(), CHANCE, end * CHANCE, 40.0) + 0.08 * noise(seed, STEPS)
    norms = {
        "gradient_norm/global": (steps(), 1.2 * np.exp(0.2 * noise(seed + 1, STEPS))),
    }
    updates = (steps(), update * np.exp(0.2 * noise(seed + 2, STEPS)))
    changed = run.having(train=train, validation=train[EVERY - 1 :: EVERY])
    return replace(changed, norms=norms, others={**run.others, "update_norm/global": updates})


def noisy_gradients(seed: int, ratio: float = 60.0) -> Run:
    """The same, with gradients of which hardly anything is signal."""
    run = held_up(seed)
    ratios = (steps(), ratio * np.exp(0.3 * noise(seed + 3, STEPS)))
    return replace(run, others={**run.others, "gradient/noise_to_signal": ratios})
