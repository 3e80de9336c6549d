"""Keras with the torch backend, on data drawn here."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from tests.recording.right_gradient.reference import Memory  # noqa: E402 - Keras may be missing
from tuneguard.recording import wiring  # noqa: E402

FEATURES, HIDDEN, CLASSES, BATCH, BATCHES = 6, 8, 3, 8, 12


def classifier(optimizer: Any, **layers: Any) -> Any:
    """Return a compiled network of two dense layers, the same each time."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((FEATURES,)),
            keras.layers.Dense(HIDDEN, activation="tanh", name="hidden", **layers),
            keras.layers.Dense(CLASSES, name="head", **layers),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, metrics=["accuracy"])
    return model


@pytest.fixture
def data() -> SimpleNamespace:
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(BATCH * BATCHES, FEATURES)).astype("float32")
    targets = (inputs @ generator.normal(size=(FEATURES, CLASSES))).argmax(1)
    return SimpleNamespace(inputs=inputs, targets=targets)


@pytest.fixture
def memories(monkeypatch: pytest.MonkeyPatch) -> list[Memory]:
    """What was recorded, kept in memory in place of a store: one for each `fit`."""
    made: list[Memory] = []

    def keep(spool: Any) -> Memory:
        made.append(Memory(spool))
        return made[-1]

    monkeypatch.setattr(wiring, "Sink", keep)
    monkeypatch.setattr(wiring.Wiring, "watch", lambda *_: None)
    return made


@pytest.fixture
def fit(data: SimpleNamespace) -> Callable[..., Any]:
    """Trains in the order of the data, for one epoch where nothing else is said."""

    def train(model: Any, *callbacks: Any, **options: Any) -> Any:
        settings = {"batch_size": BATCH, "shuffle": False, "verbose": 0, **options}
        return model.fit(data.inputs, data.targets, callbacks=list(callbacks), **settings)

    return train
