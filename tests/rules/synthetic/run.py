"""A synthetic run with a known answer, and the healthy one that the others start from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from tuneguard.history import RunHistory, Series
from tuneguard.recording.schedule import Look, Schedule

FloatArray = NDArray[np.float64]
Points = tuple[FloatArray, FloatArray]
STEPS = 600
EVERY = 20
CHANCE = math.log(10.0)
LAYERS = tuple(f"layer{index}" for index in range(8))
PARAMS = {
    "lr": 0.1,
    "optimizer": "SGD",
    "weight_decay": 1e-4,
    "num_classes": 10,
    "parameter_count": 50_000,
    "train_samples": 5_000,
}


@dataclass(frozen=True)
class Run:
    """What was measured, apart by what a change of the loss's unit does to it."""

    losses: Mapping[str, Points]
    norms: Mapping[str, Points] = field(default_factory=dict)
    others: Mapping[str, Points] = field(default_factory=dict)
    params: Mapping[str, object] = field(default_factory=lambda: PARAMS)
    layers: tuple[str, ...] = LAYERS

    def history(self, factor: float = 1.0, shift: float = 0.0) -> RunHistory:
        """Build the history, with the loss times `factor` and moved by `shift`."""
        series = {
            **{key: (steps, factor * loss + shift) for key, (steps, loss) in self.losses.items()},
            **{key: (steps, factor * norm) for key, (steps, norm) in self.norms.items()},
            **self.others,
        }
        built = {key: Series.from_arrays(key, *points) for key, points in series.items()}
        return RunHistory.from_series(
            built, self.params, axis="step", status="finished", layers=self.layers
        )

    def having(self, **series: FloatArray) -> Run:
        """Replace whole series: `train`, `validation`, `norm`, `rate` or `updates`."""
        losses, norms, others = dict(self.losses), dict(self.norms), dict(self.others)
        places = {
            "train": (losses, "train/loss"),
            "validation": (losses, "validation/loss"),
            "norm": (norms, "gradient_norm/global"),
            "rate": (others, "learning_rate"),
            "updates": (others, "update_ratio/global"),
        }
        for name, values in series.items():
            part, key = places[name]
            part[key] = (validated() if name == "validation" else steps(), values)
        return replace(self, losses=losses, norms=norms, others=others)

    def sampled(self, dense_steps: int, stride: int) -> Run:
        """Keep of norms and update ratios what a recorder with that schedule would."""
        schedule = Schedule(dense_steps, stride)

        def kept(points: Points) -> Points:
            looked_at = [schedule.look(int(step)) is Look.SAMPLE for step in points[0]]
            return points[0][looked_at], points[1][looked_at]

        others = {
            key: kept(points) if key.startswith("update_") else points
            for key, points in self.others.items()
        }
        norms = {key: kept(points) for key, points in self.norms.items()}
        return replace(self, norms=norms, others=others)

    def values(self, key: str) -> FloatArray:
        """Return a copy of the values of one series."""
        found = {**self.losses, **self.norms, **self.others}[key]
        return found[1].copy()


def steps() -> FloatArray:
    return np.arange(float(STEPS))


def validated() -> FloatArray:
    return np.arange(EVERY - 1.0, STEPS, EVERY)


def noise(seed: int, count: int, phi: float = 0.0) -> FloatArray:
    """Gaussian AR(1) noise of unit variance."""
    shocks = np.random.default_rng(seed).normal(size=count + 200) * math.sqrt(1.0 - phi**2)
    return lfilter([1.0], [1.0, -phi], shocks)[200:]


def fall(at: FloatArray, start: float, end: float, pace: float = 60.0) -> FloatArray:
    """An exponential course from `start` down to `end`."""
    return end + (start - end) * np.exp(-at / pace)


def healthy(seed: int, phi: float = 0.3) -> Run:
    """A run that learns, settles and generalises; its noise remembers the past by `phi`."""
    level = fall(steps(), CHANCE, 0.3)
    train = level + 0.06 * np.sqrt(level) * noise(seed, STEPS, phi)
    validation = fall(validated(), CHANCE, 0.4)
    validation += 0.02 * noise(seed + 10_000, len(validation), phi)
    norm = (0.5 + level) * np.exp(0.3 * noise(seed + 20_000, STEPS, phi))
    layers = {
        f"gradient_norm/{name}": (steps(), norm * 0.3 * np.exp(0.2 * noise(seed + i, STEPS)))
        for i, name in enumerate(LAYERS)
    }
    return Run(
        losses={"train/loss": (steps(), train), "validation/loss": (validated(), validation)},
        norms={"gradient_norm/global": (steps(), norm), **layers},
        others={
            "learning_rate": (steps(), np.full(STEPS, 0.1)),
            "update_ratio/global": (steps(), 3e-3 * np.exp(0.2 * noise(seed + 30_000, STEPS))),
        },
    )


def beside(run: Run, others: Mapping[str, Points]) -> Run:
    """Add what the machine says to a run."""
    return replace(run, others={**run.others, **others})
