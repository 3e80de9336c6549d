"""Runs that `mlflow.keras.autolog` wrote."""

from __future__ import annotations

from typing import Any

import mlflow
import numpy as np
import pytest

from tests.frameworks.keras.conftest import keras
from tuneguard import diagnose, load_run
from tuneguard.history import Role, RunHistory
from tuneguard.history.series import Axis

EPOCHS = 40


@pytest.fixture(params=[{}, {"log_every_epoch": False, "log_every_n_steps": 5}], ids=str)
def logged(request: pytest.FixtureRequest, tracking_uri: str) -> RunHistory:
    """A network that learns 100 noisy samples by heart, logged by epochs and by steps."""
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(300, 10))
    targets = (inputs[:, :2].sum(1) + 1.5 * generator.normal(size=300) > 0).astype(int)
    keras.utils.set_random_seed(0)
    hidden = [keras.layers.Dense(64, activation="relu") for _ in range(2)]
    outputs = keras.layers.Dense(1, activation="sigmoid")
    model = keras.Sequential([keras.Input((10,)), *hidden, outputs])
    model.compile(keras.optimizers.Adam(5e-3), "binary_crossentropy", metrics=["accuracy"])
    mlflow.keras.autolog(log_models=False, log_datasets=False, silent=True, **request.param)
    options: dict[str, Any] = {"epochs": EPOCHS, "batch_size": 10, "verbose": 0, "callbacks": []}
    try:
        with mlflow.start_run() as run:
            model.fit(
                inputs[:100],
                targets[:100],
                validation_data=(inputs[100:], targets[100:]),
                **options,
            )
    finally:
        mlflow.keras.autolog(disable=True)
    return load_run(run.info.run_id)


def test_a_run_is_read_and_overfitting_named_whatever_was_counted(logged: RunHistory) -> None:
    validation = logged.get(Role.VALIDATION_LOSS)
    assert len(validation) == EPOCHS
    is_by_epoch = validation.key == "val_loss"
    assert validation.axis is (Axis.EPOCH if is_by_epoch else Axis.STEP)
    assert [one.rule for one in diagnose(logged).findings] == ["overfitting"]
    said = any("placed by their time" in note for note in logged.notes)
    assert said is not is_by_epoch
    known = logged.hyperparameters
    assert known.learning_rate == pytest.approx(5e-3)
    assert (known.batch_size, known.epochs) == (10, EPOCHS)
