"""Runs in which single layers go wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tests.rules.synthetic.dynamics import unlearned
from tests.rules.synthetic.run import (
    CHANCE,
    LAYERS,
    PARAMS,
    STEPS,
    FloatArray,
    Run,
    beside,
    fall,
    healthy,
    noise,
    steps,
)


def looked_at() -> FloatArray:
    """The steps at which units are looked at."""
    return np.arange(16.0, STEPS, 16.0)


def of_units(run: Run, quantity: str, seed: int, shares: tuple[float, ...]) -> Run:
    """A run in whose activations about these shares of the units are dead, or saturated."""
    at = looked_at()
    return beside(
        run,
        {
            f"{quantity}/{2 * index + 1}": (
                at,
                np.clip(share + 0.01 * noise(seed + index, len(at)), 0.0, 1.0),
            )
            for index, share in enumerate(shares)
        },
    )


def dead(seed: int, shares: tuple[float, ...] = (0.3, 0.97, 0.6)) -> Run:
    """Nothing is learned; most units of a layer never fired."""
    return of_units(unlearned(seed), "dead_units", seed, shares)


def saturated(seed: int, shares: tuple[float, ...] = (0.95, 0.8, 0.75)) -> Run:
    """Nothing is learned; most units are at their ends from the start."""
    return of_units(unlearned(seed), "saturated_units", seed, shares)


def updated(run: Run, seed: int, ratios: Mapping[str, float]) -> Run:
    """A run whose layers have these update ratios, the others one of 0.003."""
    return beside(
        run,
        {
            f"update_ratio/{name}": (
                steps(),
                ratios.get(name, 3e-3) * np.exp(0.2 * noise(seed + index, STEPS)),
            )
            for index, name in enumerate(LAYERS)
        },
    )


def frozen(seed: int, left_out: tuple[str, ...] = LAYERS[:4]) -> Run:
    """The run learns what it can without the layers that are in no optimizer."""
    run = updated(healthy(seed), seed, dict.fromkeys(left_out, 0.0))
    facts = {
        "layer_sizes": json.dumps(dict.fromkeys(LAYERS, 1000)),
        "unoptimized_layers": json.dumps(left_out),
    }
    return replace(run, params={**PARAMS, **facts})


def uneven(seed: int, ratio: float = 1e-8) -> Run:
    """One layer moves decades less than the others; the run learns all the same."""
    return updated(healthy(seed), seed, {"layer3": ratio})


def clipped(seed: int, factor: float = 0.03) -> Run:
    """Clipping leaves `factor` of each gradient, and the loss hardly falls."""
    level = fall(steps(), CHANCE, 0.7 * CHANCE, 600.0)
    updates = 3e-4 * np.exp(0.2 * noise(seed + 2, STEPS))
    run = healthy(seed).having(train=level + 0.05 * noise(seed, STEPS), updates=updates)
    factors = factor * np.exp(0.2 * noise(seed + 1, STEPS))
    return beside(run, {"gradient_clipping/factor": (steps(), np.minimum(factors, 1.0))})


def decayed(seed: int, decay: float = 0.5, end: float = 0.1) -> Run:
    """Weight decay shrinks the weights until they pass nothing on."""
    updates = 0.06 * np.exp(0.1 * noise(seed + 1, STEPS))
    weights = fall(steps(), 8.0, end, 80.0)
    run = unlearned(seed).having(updates=updates)
    run = beside(run, {"update_norm/global": (steps(), updates * weights)})
    return replace(run, params={**PARAMS, "weight_decay": decay})
