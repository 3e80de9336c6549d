"""Runs that were set up wrongly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.rules.synthetic.run import (
    CHANCE,
    PARAMS,
    STEPS,
    Run,
    beside,
    fall,
    healthy,
    noise,
    steps,
)


def spiked(seed: int) -> Run:
    """Five single batches whose loss leaps to twice chance level; the rest is healthy."""
    run = healthy(seed)
    train = run.values("train/loss")
    train[150 + seed % 7 :: 90] += 2.0 * CHANCE
    return run.having(train=train)


def badly_begun(seed: int) -> Run:
    """The loss begins at six times chance level, and takes a tenth of the run to come down."""
    run = healthy(seed)
    excess = 5.0 * CHANCE * np.exp(-steps() / 25.0)
    return run.having(train=run.values("train/loss") + excess * np.exp(0.1 * noise(seed, STEPS)))


def piled_up(seed: int) -> Run:
    """A healthy loss with gradients that were never zeroed."""
    at = np.arange(1.0, 7.0)
    return beside(healthy(seed), {"gradient/carried_over": (at, np.ones(6))})


def skipping(seed: int) -> Run:
    """A third of the steps is skipped, and some of the sampled gradients overflow."""
    is_skipped = np.random.default_rng(seed).random(STEPS) < 0.33
    at = steps()[is_skipped]
    norm = healthy(seed).values("gradient_norm/global")
    norm[is_skipped] = np.inf
    run = healthy(seed).having(norm=norm)
    return beside(run, {"tuneguard/skipped_steps": (at, np.arange(1.0, len(at) + 1.0))})


def unscaled(seed: int) -> Run:
    """As `badly_begun`, with inputs between 0 and 255."""
    at = steps()[16::40]
    others = {
        "input/mean": (at, 33.0 + noise(seed + 1, len(at))),
        "input/standard_deviation": (at, 78.0 + noise(seed + 2, len(at))),
    }
    return beside(badly_begun(seed), others)


def softmaxed(seed: int) -> Run:
    """A softmax before a cross-entropy: the loss settles above its floor of 1.461."""
    level = fall(steps(), CHANCE, 1.52, 80.0)
    train = np.maximum(level + 0.01 * noise(seed, STEPS), 1.4612)
    params = {**PARAMS, "loss_graph": "NllLoss < LogSoftmax < Softmax < Addmm"}
    return replace(healthy(seed).having(train=train), params=params)
