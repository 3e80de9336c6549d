"""Synthetic runs with a known answer: each function makes one kind of run from a seed."""

from __future__ import annotations

import json
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


def starved(seed: int) -> Run:
    """A healthy run whose loop waits for data in some 70 % of its time."""
    wait = np.clip(0.7 + 0.1 * noise(seed + 1, STEPS, 0.5), 0.0, 1.0)
    others = {
        "time/step_seconds": (steps(), 0.3 * np.exp(0.2 * noise(seed + 2, STEPS))),
        "time/data_wait_fraction": (steps(), wait),
    }
    return beside(healthy(seed), others)


def idling(seed: int) -> Run:
    """A healthy run on a GPU that is used 8 % of the time, and whose memory is mostly free."""
    at = steps()[::10]
    others = {
        "system/gpu_0_utilization_percentage": (at, np.abs(8.0 + 4.0 * noise(seed, len(at)))),
        "system/gpu_0_memory_usage_percentage": (at, 9.0 + 0.2 * noise(seed + 1, len(at))),
    }
    return beside(healthy(seed), others)


def leaking(seed: int) -> Run:
    """A healthy run whose process grows by 5 MB a step, in which 2 GB are taken at the start."""
    at = steps()[::5]
    memory = 2000.0 + 5.0 * at + 20.0 * noise(seed, len(at), 0.5)
    return beside(healthy(seed), {"system/process_memory_megabytes": (at, memory)})


def skewed(seed: int) -> Run:
    """A healthy run of several ranks, one of which takes twice as long as the others."""
    others = {
        "time/step_seconds": (steps(), 0.3 * np.exp(0.1 * noise(seed + 2, STEPS))),
        "rank/step_seconds_skew": (steps(), 2.0 * np.exp(0.1 * noise(seed + 3, STEPS))),
    }
    return beside(healthy(seed), others)


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


def beside(run: Run, others: Mapping[str, Points]) -> Run:
    """Add what the machine says to a run."""
    return replace(run, others={**run.others, **others})


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
