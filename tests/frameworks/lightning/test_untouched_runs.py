"""Runs that Lightning's logging wrote and tuneguard never touched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lightning as pl
import mlflow
import pytest
import torch
from lightning.pytorch.callbacks import LearningRateMonitor
from lightning.pytorch.loggers import MLFlowLogger

from tests.frameworks.lightning.modules import BATCH, SAMPLES, Classifier, loader
from tuneguard import RunHistory, Series, diagnose, load_run
from tuneguard.history.roles import Role
from tuneguard.history.series import Axis

NewTrainer = Callable[..., pl.Trainer]
EPOCHS = 12
BATCHES = SAMPLES // BATCH


class Forked(Classifier):
    """Logs the training loss at every step and, under another name, its mean once an epoch."""

    def log(self, name: str, value: Any, **settings: Any) -> None:
        is_forked = name == self.key
        super().log(name, value, on_step=is_forked, on_epoch=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=0.01)


@pytest.fixture
def autologged(trainer: NewTrainer, tracking_uri: str) -> RunHistory:
    mlflow.pytorch.autolog(log_models=False, log_every_n_step=1)
    try:
        trainer(max_epochs=EPOCHS).fit(Forked(), loader(), loader(seed=1))
    finally:
        mlflow.pytorch.autolog(disable=True)
    run = mlflow.last_active_run()
    assert run is not None
    return load_run(run.info.run_id, tracking_uri)


@pytest.fixture
def logged(trainer: NewTrainer, tracking_uri: str) -> RunHistory:
    logger = MLFlowLogger(tracking_uri=tracking_uri)
    monitor = LearningRateMonitor("step")
    settings = {"max_epochs": EPOCHS, "logger": logger, "log_every_n_steps": 1}
    trainer(monitor, **settings).fit(Forked(), loader(), loader(seed=1))
    return load_run(str(logger.run_id), tracking_uri)


def losses(history: RunHistory) -> tuple[Series, Series]:
    train, validation = history.get(Role.TRAIN_LOSS), history.get(Role.VALIDATION_LOSS)
    assert train is not None
    assert validation is not None
    return train, validation


def test_autologging_is_read_by_epochs(autologged: RunHistory) -> None:
    history = autologged

    train, validation = losses(history)
    assert validation.key == "val_loss"
    assert train.axis == validation.axis == Axis.EPOCH
    assert len(train) == len(validation) == EPOCHS
    assert history.series["train_loss_step"].axis == Axis.STEP
    assert history.hyperparameters.learning_rate == pytest.approx(0.01)
    assert history.hyperparameters.epochs == EPOCHS


def test_the_logger_is_read_by_steps(logged: RunHistory) -> None:
    history = logged

    train, validation = losses(history)
    assert train.key == "train_loss_step"
    assert train.axis == validation.axis == Axis.STEP
    assert list(train.steps) == list(range(EPOCHS * BATCHES))
    assert list(validation.steps) == [number * BATCHES - 1 for number in range(1, EPOCHS + 1)]
    rate = history.get(Role.LEARNING_RATE)
    assert rate is not None
    assert rate.key == "lr-Adam"


@pytest.mark.parametrize("written", ["autologged", "logged"])
def test_what_was_judged_and_what_would_be(written: str, request: pytest.FixtureRequest) -> None:
    history = request.getfixturevalue(written)
    diagnosis = diagnose(history)

    assert "non-finite-values" in {one.rule for one in diagnosis.passed}
    lacking = {one.rule for one in diagnosis.abstained}
    assert {"vanishing-gradients", "exploding-gradients", "frozen-parameters"} <= lacking
    assert sum("Trainer(callbacks=[TuneGuardCallback()])" in note for note in history.notes) == 1
