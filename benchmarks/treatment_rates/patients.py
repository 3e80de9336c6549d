"""Faulty trainings whose settings are parameters."""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from benchmarks.error_rates.cache import Kept
from benchmarks.error_rates.in_memory import recording
from benchmarks.error_rates.plan import BASE, RunSpec, setup_of
from benchmarks.error_rates.setup import Setup
from benchmarks.error_rates.training import Loop
from benchmarks.error_rates.views import recorded
from benchmarks.repair_rates.rebuilding import rebuilt
from tuneguard import RunHistory, Series, diagnose, keys
from tuneguard.findings import Change
from tuneguard.treatment import Trial
from tuneguard.treatment.course import Plan

STRENGTH: Final = 3
GIVEN: Final = "as it is"
_CHOICES: Final = (
    *("activation", "initialisation", "input_scale", "normalisation", "optimizer"),
    *("output_activation", "schedule", "trained_parameters", "detached", "last_layer_gain"),
)
_OF_MODELS: Final = {"hidden_width": "width", "hidden_layers": "depth", "dropout": "dropout"}


@dataclass(frozen=True)
class Patient:
    """A kind of fault in a program.

    Attributes:
        called: What the fault is called by those who meet it.
        fault: Kind of the fault, as the error rates name it.
        program: The program.
    """

    called: str
    fault: str
    program: str

    def spec(self, seed: int) -> RunSpec:
        """Return one of its trainings."""
        return RunSpec(self.program, self.fault, STRENGTH, BASE, seed)


PATIENTS: Final = (
    Patient("overfitting", "overfitting", "mlp_relu"),
    Patient("underfitting", "model_too_small", "gru"),
    Patient("exploding gradients", "exploding_init", "mlp_relu"),
    Patient("vanishing gradients", "vanishing_depth", "mlp_tanh"),
    Patient("learning-rate oscillation", "momentum_too_high", "large_batch"),
    Patient("learning rate too high", "learning_rate_too_high", "cnn"),
    Patient("learning rate too low", "learning_rate_too_low", "lstm"),
    Patient("missing zero_grad", "missing_zero_grad", "mlp_tanh"),
    Patient("unscaled inputs", "unscaled_inputs", "mlp_relu"),
    Patient("softmax before the loss", "double_softmax", "cyclic"),
)


def params_of(setup: Setup) -> dict[str, Any]:
    """Return the settings of a training as the parameters of a function."""
    known = setup.optimizer.keywords
    params: dict[str, Any] = {
        "learning_rate": known["lr"],
        "weight_decay": known.get("weight_decay", 0.0),
        "batch_size": setup.batch_size,
        "steps": setup.steps,
        "clip_norm": setup.clip_norm,
        "zero_grad": setup.clears_gradients,
        "patience": None,
        "warmup_steps": 0,
        **dict.fromkeys(_CHOICES, GIVEN),
    }
    for setting, keyword in _OF_MODELS.items():
        found = inspect.signature(setup.model).parameters.get(keyword)
        if found is not None and found.default is not inspect.Parameter.empty:
            params[setting] = found.default
    return params


class Trainer:
    """Trains a patient with the recorder watching, and diagnoses what happened.

    Args:
        patient: The kind of fault.

    Attributes:
        scores: What each training scored on the test data, in points of 100.
    """

    def __init__(self, patient: Patient, seed: int) -> None:
        self._spec = patient.spec(seed)
        self._given = params_of(setup_of(self._spec))
        self.scores: list[float] = []

    @property
    def params(self) -> dict[str, Any]:
        """The parameters of the faulty training."""
        return dict(self._given)

    def __call__(self, plan: Plan, seed: object) -> Trial:
        """Train with what the plan changes."""
        began = time.monotonic()
        changes = [
            Change(name, value)
            for name, value in plan.params.items()
            if value != self._given[name]
        ]
        setup = rebuilt(setup_of(self._spec), changes)
        if setup is None:
            return Trial(seed, None, None, "ValueError: the program has no place for this")
        loop = Loop(setup, self._spec.seed)
        with recording(loop, setup) as (guard, sink):
            ended = loop.run(guard)
        self.scores.append(ended.score)
        history = recorded(Kept.of_sink(self._spec, sink, ended))
        if plan.params["patience"] is not None:
            history = stopped(history, int(plan.params["patience"]))
        diagnosis = diagnose(history, pictures=False)
        return Trial(seed, history, diagnosis, "", time.monotonic() - began)


def stopped(history: RunHistory, patience: int) -> RunHistory:
    """Return the run as it is where training stops once nothing better was seen for so long."""
    losses = history.series[keys.VALIDATION_LOSS]
    best, waited, last = math.inf, 0, float(losses.steps[-1])
    for step, loss in zip(losses.steps, losses.values, strict=True):
        best, waited = (loss, 0) if loss < best else (best, waited + 1)
        if waited >= patience:
            last = float(step)
            break
    return RunHistory.from_series(
        {key: _until(one, last) for key, one in history.series.items()},
        params=history.params,
        status="finished",
        planned_steps=round(last) + 1,
        higher_is_better=_directions(history),
        layers=history.layers,
        source="record",
    )


def _until(series: Series, last: float) -> Series:
    kept = np.asarray(series.steps) <= last
    return Series.from_arrays(series.key, series.steps[kept], series.values[kept])


def _directions(history: RunHistory) -> Mapping[str, bool]:
    return {one.key: one.higher_is_better for one in history.metrics}
