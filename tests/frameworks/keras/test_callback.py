"""`model.fit` with one line added."""

from __future__ import annotations

import logging
import math
from types import SimpleNamespace
from typing import Any

import mlflow
import numpy as np
import pytest
import torch

from tests.frameworks.keras.conftest import (
    BATCH,
    BATCHES,
    CLASSES,
    FEATURES,
    classifier,
    keras,
)
from tests.recording.right_gradient.reference import Memory
from tuneguard import keys, load_run
from tuneguard.exceptions import TuneGuardError
from tuneguard.findings import Finding, Passed
from tuneguard.history import Role
from tuneguard.keras import TuneGuardCallback
from tuneguard.recording import budget
from tuneguard.rules.validation_leak import ValidationLeak

PLACE = {"run_id": "0", "tracking_uri": "sqlite:///none.db"}
HOOKED = ("compute_loss", "apply", "_clip_gradients", "_backend_apply_gradients")


def test_epochs_are_validated_at_the_optimizer_step(tracking_uri: str, fit: Any) -> None:
    guard = TuneGuardCallback(budget=1.0)
    history = fit(classifier("adam"), guard, epochs=3, validation_split=0.25).history
    run = load_run(guard.run_id)
    steps = BATCHES * 3 // 4
    validated = run.series["validation/loss"]
    assert validated.steps.tolist() == [steps - 1, 2 * steps - 1, 3 * steps - 1]
    assert validated.values == pytest.approx(history["val_loss"])
    assert run.series["validation/accuracy"].values == pytest.approx(history["val_accuracy"])
    assert run.planned_steps == 3 * steps
    assert mlflow.get_run(guard.run_id).info.status == "FINISHED"


def test_settings_and_model_are_described(tracking_uri: str, fit: Any) -> None:
    guard = TuneGuardCallback()
    fit(classifier(keras.optimizers.AdamW(0.02, weight_decay=0.1)), guard)
    known = load_run(guard.run_id).hyperparameters
    assert known.optimizer == "AdamW"
    assert known.learning_rate == pytest.approx(0.02)
    assert known.weight_decay == pytest.approx(0.1)
    assert (known.task, known.output_units, known.batch_size) == ("classification", CLASSES, BATCH)
    assert known.activations == "Tanh"
    assert known.loss_graph.endswith("NllLoss < LogSoftmax < Add < Mm")


def test_autologging_and_the_callback_share_a_run(
    tracking_uri: str, fit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow.keras.autolog(log_models=False, log_datasets=False)
    guard = TuneGuardCallback()
    try:
        fit(classifier("adam"), guard, epochs=3, validation_split=0.25)
    finally:
        mlflow.keras.autolog(disable=True)
    (run,) = mlflow.search_runs(output_format="list")
    assert run.info.run_id == guard.run_id
    assert run.info.status == "FINISHED"
    client = mlflow.MlflowClient()
    theirs = client.get_metric_history(guard.run_id, "val_loss")
    ours = client.get_metric_history(guard.run_id, "validation/loss")
    assert sorted(one.step for one in theirs) == [0, 1, 2]
    assert len(ours) == 3
    history = load_run(guard.run_id)
    assert history.roles[Role.TRAIN_LOSS] == "train/loss"
    assert history.roles[Role.VALIDATION_LOSS] == "validation/loss"
    assert not [note for note in history.notes if "would fit" in note]


def test_model_and_optimizer_are_as_before(memories: list[Memory], fit: Any) -> None:
    model = classifier("adam")
    fit(model, TuneGuardCallback(**PLACE))
    assert not set(HOOKED) & {*vars(model), *vars(model.optimizer)}


def test_checkpoints_are_saved_while_recording(
    memories: list[Memory], fit: Any, tmp_path: Any, data: SimpleNamespace
) -> None:
    path = tmp_path / "model.keras"
    model = classifier("adam")
    fit(model, TuneGuardCallback(**PLACE), keras.callbacks.ModelCheckpoint(path))
    again = keras.saving.load_model(path)
    np.testing.assert_allclose(again.predict(data.inputs, verbose=0), model(data.inputs).detach())


def test_second_fit_goes_on_counting(memories: list[Memory], fit: Any) -> None:
    model, guard = classifier("adam"), TuneGuardCallback(**PLACE)
    fit(model, guard)
    fit(model, guard)
    first, second = (sorted(one.points["train/loss"]) for one in memories)
    assert first == list(range(BATCHES))
    assert second == list(range(BATCHES, 2 * BATCHES))


class Interruption(keras.callbacks.Callback):
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch == 3:
            raise KeyboardInterrupt


def test_fit_that_was_interrupted_leaves_the_next_alone(memories: list[Memory], fit: Any) -> None:
    model = classifier("adam")
    with pytest.raises(KeyboardInterrupt):
        fit(model, TuneGuardCallback(**PLACE), Interruption())
    fit(model, TuneGuardCallback(**PLACE))
    first, second = memories
    assert sorted(first.points["train/loss"]) == [0, 1, 2, 3]
    assert len(second.points["train/loss"]) == BATCHES
    assert not set(HOOKED) & {*vars(model), *vars(model.optimizer)}


class OwnStep(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.head = keras.layers.Dense(CLASSES, name="head")

    def call(self, inputs: Any) -> Any:
        return self.head(inputs)

    def train_step(self, batch: Any) -> dict[str, Any]:
        inputs, targets = batch
        self.zero_grad()
        loss = self.compute_loss(y=targets, y_pred=self(inputs, training=True))
        loss.backward()
        gradients = [one.value.grad for one in self.trainable_weights]
        with torch.no_grad():
            self.optimizer.apply(gradients, self.trainable_weights)
        return {"loss": loss}


def test_train_step_of_the_users_own(memories: list[Memory], fit: Any) -> None:
    model = OwnStep()
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    fit(model, TuneGuardCallback(**PLACE, budget=1.0))
    (memory,) = memories
    assert len(memory.values("train/loss")) == len(memory.values("gradient_norm/head")) == BATCHES


def test_frozen_layers_are_named(memories: list[Memory], fit: Any) -> None:
    model = classifier("sgd")
    model.layers[0].trainable = False
    model.compile("sgd", "sparse_categorical_crossentropy")
    guard = TuneGuardCallback(**PLACE, budget=1.0)
    fit(model, guard)
    assert guard._guard._facts["frozen_layers"] == '["hidden"]'
    assert "gradient_norm/hidden" not in memories[0].points


def test_nothing_to_train_is_refused(memories: list[Memory], fit: Any) -> None:
    model = classifier("sgd")
    model.trainable = False
    guard = TuneGuardCallback(**PLACE)
    guard.set_model(model)
    with pytest.raises(ValueError, match="no trainable variables"):
        guard.on_train_begin()


def test_dead_units_are_seen_by_their_biases(memories: list[Memory], fit: Any) -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(8, activation="relu", name="hidden", bias_initializer=_never),
            keras.layers.Dense(CLASSES),
        ]
    )
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    fit(model, TuneGuardCallback(**PLACE, budget=1.0), epochs=200, batch_size=BATCH * BATCHES)
    assert set(memories[0].values("zero_gradient_units/hidden")) == {0.5}


def _never(shape: Any, dtype: Any = None) -> Any:
    """Biases that keep the first half of the units from ever firing."""
    return torch.tensor([-1e3] * 4 + [0.1] * (shape[0] - 4))


def test_hopeless_training_is_stopped_and_told(
    tracking_uri: str,
    data: SimpleNamespace,
    fit: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logging.getLogger("tuneguard.live"), "propagate", False)
    data.inputs[-1, 0] = np.nan
    guard = TuneGuardCallback(stop_early=True)
    fit(classifier("sgd"), guard, epochs=4000)
    assert guard.model.stop_training
    shown = capsys.readouterr().out
    assert "non-finite-values (TG401, critical)" in shown
    assert "Training is stopped" in shown
    assert f"tuneguard diagnose {guard.run_id}" in shown


@pytest.mark.parametrize(
    ("module", "words"),
    [("keras", 'pip install "tuneguard[keras]"'), ("tensorflow", "KERAS_BACKEND=torch")],
)
def test_what_is_missing_is_named(
    module: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tuneguard.keras.availability import require_keras

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "keras":
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)
        return real(name, *args, **kwargs)

    real = __import__
    monkeypatch.setattr("builtins.__import__", refuse)
    with pytest.raises(TuneGuardError) as refused:
        require_keras()
    assert words in str(refused.value)


def test_wrong_options_are_refused_before_anything_starts() -> None:
    with pytest.raises(TypeError, match="no option accumulate"):
        TuneGuardCallback(accumulate=2)
    with pytest.raises(ValueError, match="budget"):
        TuneGuardCallback(budget=7)


def test_another_backend_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from tuneguard.keras.availability import require_keras

    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    with pytest.raises(TuneGuardError, match="uses jax here"):
        require_keras()


@pytest.mark.parametrize("leaked", [0, 40])
def test_samples_of_both_splits_are_compared(
    tracking_uri: str,
    fit: Any,
    data: SimpleNamespace,
    leaked: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(budget, "DENSE_SECONDS", math.inf)  # however busy the machine is
    fresh = np.random.default_rng(1).normal(size=(40, FEATURES)).astype("float32")
    inputs = np.concatenate([data.inputs[:leaked], fresh])
    targets = np.zeros(len(inputs), int)
    guard = TuneGuardCallback(budget=1.0)
    fit(classifier("adam"), guard, epochs=2, validation_data=(inputs, targets))
    run = load_run(guard.run_id)
    assert set(run.series[keys.VALIDATION_SAMPLES].values) == {len(inputs)}
    assert run.series[keys.EXAMINED_SAMPLES].values.tolist() == [96, 192]
    assert set(run.series[keys.SHARED_VALIDATION_SAMPLES].values) == {leaked}
    assert isinstance(ValidationLeak().check(run), Finding if leaked else Passed)


def test_what_a_callback_evaluates_is_no_validation(
    tracking_uri: str, fit: Any, data: SimpleNamespace
) -> None:
    def evaluate(*_: Any) -> None:
        model.evaluate(data.inputs, data.targets, verbose=0)

    model, guard = classifier("adam"), TuneGuardCallback(budget=1.0)
    fit(model, guard, keras.callbacks.LambdaCallback(on_epoch_end=evaluate), epochs=2)
    assert keys.VALIDATION_SAMPLES not in load_run(guard.run_id).series
