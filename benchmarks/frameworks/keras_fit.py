"""Keras' quick-start example on a program, with the torch backend."""

from __future__ import annotations

import keras
import mlflow

from benchmarks.frameworks.programs import CLASSES, INPUTS, Program
from tuneguard.keras import TuneGuardCallback

NAME = "Keras"
OWN_LOGGING = "`mlflow.keras.autolog()`"
LINE = "`model.fit(..., callbacks=[TuneGuardCallback()])`"


def train(program: Program, store: str, is_attached: bool) -> str:
    """Train a program; the last batch of an epoch is left out by leaving out its samples."""
    mlflow.set_tracking_uri(store)
    mlflow.keras.autolog(log_models=False, log_datasets=False)
    keras.utils.set_random_seed(program.seed)
    model = _network(program)
    (images, labels), validation = program.split()
    whole = len(images) // program.batch_size * program.batch_size
    model.fit(
        images[:whole],
        labels[:whole],
        batch_size=program.batch_size,
        epochs=program.epochs,
        validation_data=validation,
        callbacks=[TuneGuardCallback()] if is_attached else [],
        verbose=0,
    )
    run = mlflow.last_active_run()
    if run is None:
        raise RuntimeError("autologging opened no run")
    return str(run.info.run_id)


def _network(program: Program) -> keras.Model:
    layers = [keras.Input((INPUTS,))]
    layers += [keras.layers.Dense(units, program.activation) for units in program.hidden]
    model = keras.Sequential([*layers, keras.layers.Dense(CLASSES)])
    if program.optimizer == "adam":
        optimizer = keras.optimizers.Adam(program.learning_rate)
    else:
        optimizer = keras.optimizers.SGD(program.learning_rate, momentum=program.momentum)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, metrics=["accuracy"])
    return model
