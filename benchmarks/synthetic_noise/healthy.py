"""Histories of healthy runs, in each of the forms in which a run is read."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from benchmarks.synthetic_noise.courses import (
    DECAYS,
    SCHEDULES,
    Decay,
    FloatArray,
    Schedule,
    course,
    learning_rate,
    remembering,
)
from benchmarks.synthetic_noise.network import MOMENTUM, network_series
from tuneguard import keys
from tuneguard.history import RunHistory, Series

Form = Literal["recorded", "metrics", "rows"]
FORMS: tuple[Form, ...] = get_args(Form)
_CLASSES = (2, 4, 10, 100, None)


@dataclass(frozen=True, eq=False)
class Healthy:
    """What one healthy run is drawn to be.

    Attributes:
        form: As the callback records it; the same as metrics in MLflow, without the record; or
            rows of one an epoch, as autologging stores them.
        phi: How much of its noise each point carries over to the next.
        done: Shape `(n,)`: share of the run that is done at each point of the training loss.
        decay: How the loss comes down.
        schedule: How the learning rate goes.
        rate: Shape `(n,)`: factor on the learning rate.
        left: Shape `(n,)`: what is left of the loss that can be lost.
        classes: Number of classes, or `None` for a regression.
        start: The loss of a model that knows nothing.
        end: Where the loss goes, as a share of `start`.
        noise: Standard deviation of the training loss at the start, as a share of it.
    """

    form: Form
    phi: float
    done: FloatArray
    decay: Decay
    schedule: Schedule
    rate: FloatArray
    left: FloatArray
    classes: int | None
    start: float
    end: float
    noise: float

    @property
    def points(self) -> int:
        """How many points the training loss has."""
        return len(self.done)

    @property
    def level(self) -> FloatArray:
        """Shape `(n,)`: the loss without its noise, as a share of `start`."""
        return self.end + (1.0 - self.end) * self.left


def healthy_run(generator: np.random.Generator, form: Form, phi: float) -> Healthy:
    """Draw a healthy run of 10 to 10,000 points (rows: to 200)."""
    points = round(10.0 ** generator.uniform(1.0, 2.3 if form == "rows" else 4.0))
    done = np.arange(points) / points
    schedule = SCHEDULES[generator.integers(len(SCHEDULES))]
    decay = DECAYS[generator.integers(len(DECAYS))]
    classes = _CLASSES[generator.integers(len(_CLASSES))]
    start = math.log(classes) if classes is not None else 10.0 ** generator.uniform(-2.0, 2.0)
    return Healthy(
        form,
        phi,
        done,
        decay,
        schedule,
        learning_rate(generator, schedule, done),
        course(generator, decay, schedule, done),
        classes,
        start * math.exp(generator.normal(0.0, 0.03)),
        10.0 ** generator.uniform(-2.0, -0.5),
        10.0 ** generator.uniform(-2.3, -1.4 if form == "rows" else -0.7),
    )


def healthy_history(seed: int, phi: float, form: Form | None = None) -> tuple[Healthy, RunHistory]:
    """Draw the history of a healthy run.

    Args:
        seed: Of everything random in it.
        phi: How much of its noise each point carries over to the next.
        form: One of `FORMS`; drawn where not given.
    """
    generator = np.random.default_rng([seed, round(100 * phi)])
    drawn: Form = form or FORMS[generator.integers(len(FORMS))]
    run = healthy_run(generator, drawn, phi)
    columns = _rows(generator, run) if run.form == "rows" else _steps(generator, run)
    series = {key: Series.from_arrays(key, *points) for key, points in columns.items()}
    layers = sorted({k.rpartition("/")[2] for k in series if k.startswith("gradient_norm/layer")})
    return run, RunHistory.from_series(
        series,
        _params(generator, run, layers),
        axis="epoch" if run.form == "rows" else "step",
        status="finished",
        planned_steps=None if run.form == "rows" else run.points,
        layers=layers if run.form == "recorded" else (),
        source="record" if run.form == "recorded" else "metrics",
    )


Columns = dict[str, tuple[FloatArray, FloatArray]]


def _loss(generator: np.random.Generator, run: Healthy) -> FloatArray:
    """Return the training loss: the lower it is, the larger is its noise as a factor."""
    noise = run.noise * np.sqrt(0.3 + 0.7 * run.rate)
    spread = np.minimum(noise / np.sqrt(run.level), 0.5)
    drawn = spread * remembering(generator, run.points, run.phi) - 0.5 * spread**2
    return np.asarray(run.start * run.level * np.exp(drawn))


def _validation(generator: np.random.Generator, run: Healthy, at: FloatArray) -> Columns:
    """Validate at `at`, indices of points of the training loss; keyed by the bare metric."""
    gap = generator.uniform(-0.02, 0.12)
    floor = max(run.end + gap, 0.7 * run.end)
    level = floor + (1.0 - floor) * run.left[at]
    spread = 10.0 ** generator.uniform(-2.7, -1.5) / np.sqrt(level)
    noise = np.minimum(spread, 0.2) * remembering(generator, len(at), run.phi)
    columns = {"loss": (at.astype(float), run.start * level * np.exp(noise))}
    if run.classes is not None:
        chance = 1.0 - 1.0 / run.classes
        error = chance * (0.8 * floor + (1.0 - 0.8 * floor) * run.left[at] ** 0.8)
        samples = 10.0 ** generator.uniform(2.3, 4.0)
        shaky = np.sqrt(error * (1.0 - error) / samples) * remembering(generator, len(at), run.phi)
        accuracy = np.round(np.clip(1.0 - error + shaky, 0.0, 1.0) * samples) / samples
        columns["accuracy"] = (at.astype(float), np.clip(accuracy, 0.0, 1.0))
    return columns


def _rows(generator: np.random.Generator, run: Healthy) -> Columns:
    epochs = np.arange(run.points)
    validation = _validation(generator, run, epochs)
    return {
        "train_loss": (epochs.astype(float), _loss(generator, run)),
        **{f"val_{name}": points for name, points in validation.items()},
        **({"lr": (epochs.astype(float), 0.1 * run.rate)} if generator.random() < 0.5 else {}),
    }


def _steps(generator: np.random.Generator, run: Healthy) -> Columns:
    steps = np.arange(run.points)
    count = int(np.clip(generator.integers(5, 80), 1, run.points))
    validated = np.unique(np.round(np.linspace(0, run.points, count + 1)[1:]).astype(int) - 1)
    validation = _validation(generator, run, validated)
    return {
        "train/loss": (steps.astype(float), _loss(generator, run)),
        "learning_rate/0": (steps.astype(float), 0.05 * run.rate),
        **{f"validation/{name}": points for name, points in validation.items()},
        **network_series(generator, run.start * run.level, run.rate, run.phi),
    }


def _params(generator: np.random.Generator, run: Healthy, layers: list[str]) -> dict[str, object]:
    if run.form == "rows":
        return {}
    recorded: dict[str, object] = {
        "optimizer": "SGD",
        "learning_rate": 0.05,
        "momentum": MOMENTUM,
        "weight_decay": 1e-4,
        "parameter_count": 5_000 * len(layers),
        "layer_sizes": json.dumps(dict.fromkeys(layers, 5_000)),
        "activations": "ReLU",
        "task": "regression" if run.classes is None else "classification",
    }
    if run.classes is not None:
        recorded |= {"num_classes": run.classes, "output_units": run.classes}
    own = {"batch_size": int(2 ** generator.integers(4, 9)), "train_samples": 20_000}
    return {**own, **{f"{keys.PREFIX}{name}": value for name, value in recorded.items()}}
