"""Which run is recorded into: one holds what Lightning logs and what we record."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import lightning as pl
import mlflow
import pytest
from lightning.pytorch.loggers import MLFlowLogger
from mlflow import MlflowClient

from tests.frameworks.lightning.modules import BATCH, SAMPLES, Classifier, loader
from tuneguard import RunHistory, keys, load_run
from tuneguard.findings import Finding, Passed
from tuneguard.lightning import TuneGuardCallback
from tuneguard.recording import budget
from tuneguard.rules.validation_leak import ValidationLeak

NewTrainer = Callable[..., pl.Trainer]
STEPS = 2 * SAMPLES // BATCH


@pytest.fixture
def autologged(tracking_uri: str) -> Iterator[None]:
    mlflow.pytorch.autolog(log_models=False, log_every_n_step=1)
    yield
    mlflow.pytorch.autolog(disable=True)


def train(trainer: NewTrainer, module: Classifier, **settings: Any) -> str:
    callback = TuneGuardCallback(budget=1.0)
    trainer(callback, **settings).fit(module, loader(), loader(seed=1))
    assert callback.run_id is not None
    return callback.run_id


def test_without_a_run_one_is_started_and_ended(trainer: NewTrainer, client: MlflowClient) -> None:
    run_id = train(trainer, Classifier())

    assert client.get_run(run_id).info.status == "FINISHED"
    assert mlflow.active_run() is None


def test_a_run_that_is_open_is_used_and_left_open(
    trainer: NewTrainer, client: MlflowClient
) -> None:
    with mlflow.start_run() as run:
        assert train(trainer, Classifier()) == run.info.run_id
        assert client.get_run(run.info.run_id).info.status == "RUNNING"


@pytest.mark.parametrize("key", ["train_loss", keys.TRAIN_LOSS])
def test_the_run_of_autologging_holds_both(
    trainer: NewTrainer, client: MlflowClient, autologged: None, key: str
) -> None:
    run_id = train(trainer, Classifier(key=key))

    assert [run.info.run_id for run in client.search_runs(["0"])] == [run_id]
    run = client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert {"optimizer_name", "tuneguard/optimizer"} <= set(run.data.params)
    theirs = client.get_metric_history(run_id, key)
    assert len({point.step for point in theirs}) == len(theirs) > 0
    ours = keys.PREFIX + key if key == keys.TRAIN_LOSS else keys.TRAIN_LOSS
    assert len(client.get_metric_history(run_id, ours)) == STEPS


@pytest.mark.parametrize("key", ["train_loss", keys.TRAIN_LOSS])
def test_the_run_of_the_logger_holds_both(
    trainer: NewTrainer, client: MlflowClient, tracking_uri: str, key: str
) -> None:
    logger = MLFlowLogger("lightning", tracking_uri=tracking_uri)
    run_id = train(trainer, Classifier(key=key), logger=logger, log_every_n_steps=4)

    assert run_id == logger.run_id
    run = client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert {"val_loss", f"{keys.GRADIENT_NORM}/{keys.GLOBAL}"} <= set(run.data.metrics)
    assert len(client.get_metric_history(run_id, key)) == STEPS // 4
    ours = keys.PREFIX + key if key == keys.TRAIN_LOSS else keys.TRAIN_LOSS
    assert len(client.get_metric_history(run_id, ours)) == STEPS
    assert mlflow.active_run() is None


def test_what_was_validated_is_recorded_once_an_epoch(
    trainer: NewTrainer, tracking_uri: str
) -> None:
    run_id = train(trainer, Classifier(), num_sanity_val_steps=2)

    history = load_run(run_id, tracking_uri)
    assert list(history.series[keys.VALIDATION_LOSS].steps) == [STEPS // 2 - 1, STEPS - 1]
    assert list(history.series["validation/acc"].steps) == [STEPS // 2 - 1, STEPS - 1]
    assert not [key for key in history.series if key.startswith("validation/train")]
    assert history.planned_steps == STEPS
    assert history.hyperparameters.batch_size == BATCH
    assert history.hyperparameters.train_samples == SAMPLES


def test_results_of_several_data_sets_keep_their_names(
    trainer: NewTrainer, tracking_uri: str
) -> None:
    class Twice(Classifier):
        def validation_step(self, batch: Any, number: int, dataloader_idx: int = 0) -> None:
            super().validation_step(batch, number)

    callback = TuneGuardCallback()
    trainer(callback).fit(Twice(), loader(), [loader(seed=1), loader(seed=2)])

    assert callback.run_id is not None
    metrics = load_run(callback.run_id, tracking_uri).series
    assert "validation/loss/dataloader_idx_0" in metrics
    assert "validation/loss/dataloader_idx_1" in metrics


def test_samples_of_both_splits_are_compared(
    fit: Callable[..., RunHistory], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "DENSE_SECONDS", math.inf)  # however busy the machine is
    run = fit(Classifier())
    counts = {key: run.series[key].values[-1] for key in run.series if key.startswith("splits/")}
    assert counts[keys.VALIDATION_SAMPLES] == SAMPLES
    assert counts[keys.EXAMINED_SAMPLES] == 2 * SAMPLES
    assert counts[keys.SHARED_VALIDATION_SAMPLES] == 0


@pytest.mark.parametrize("place", [0, 1])
def test_a_leak_is_found_in_the_first_validation_loader_alone(
    trainer: NewTrainer, tracking_uri: str, place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "DENSE_SECONDS", math.inf)  # however busy the machine is

    class Twice(Classifier):
        def validation_step(self, batch: Any, number: int, dataloader_idx: int = 0) -> None:
            super().validation_step(batch, number)

    loaders = [loader(seed=1), loader(seed=2)]
    loaders[place] = loader()
    callback = TuneGuardCallback(budget=1.0)
    trainer(callback).fit(Twice(), loader(), loaders)
    run = load_run(callback.run_id, tracking_uri)
    assert isinstance(ValidationLeak().check(run), Passed if place else Finding)
