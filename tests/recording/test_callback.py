from __future__ import annotations

import logging
import math
from pathlib import Path

import mlflow
import pytest
import torch
from mlflow import MlflowClient
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tuneguard import keys
from tuneguard.history import Hyperparameters
from tuneguard.recording import TuneGuardCallback, budget
from tuneguard.storage.reader import load_run
from tuneguard.storage.record import load_record

ONLY_FAILURE = "spoiled"


def train(
    guard: TuneGuardCallback, model: nn.Module, optimizer: torch.optim.Optimizer, steps: int
) -> None:
    inputs = torch.randn(8, 6, generator=torch.Generator().manual_seed(1))
    for _ in range(steps):
        optimizer.zero_grad()
        loss = model(inputs).square().mean()
        loss.backward()
        guard.on_after_backward(loss)
        optimizer.step()


def test_a_run_is_started_recorded_and_ended(
    client: MlflowClient, model: nn.Module, optimizer: torch.optim.Optimizer, spool_root: Path
) -> None:
    data = TensorDataset(torch.randn(32, 6))
    with TuneGuardCallback(
        model, optimizer, experiment="mine", task="regression", planned_steps=4
    ) as guard:
        for (inputs,) in guard.batches(DataLoader(data, batch_size=8)):
            optimizer.zero_grad()
            loss = model(inputs).square().mean()
            loss.backward()
            guard.on_after_backward(loss)
            optimizer.step()
        guard.on_validation_end({"loss": torch.tensor(0.5), "accuracy": 0.75})
        mlflow.log_param("lr", 0.01)
    run = client.get_run(guard.run_id)
    assert client.get_experiment(run.info.experiment_id).name == "mine"
    assert run.info.status == "FINISHED"
    assert run.data.params["lr"] == "0.01"
    assert run.data.metrics[keys.VALIDATION_LOSS] == 0.5
    assert len(client.get_metric_history(guard.run_id, keys.TRAIN_LOSS)) == 4
    assert mlflow.active_run() is None
    assert not list(spool_root.iterdir())
    record = load_record(client, guard.run_id)
    assert record.planned_steps == 4
    assert record.layers == ("0", "3")
    assert len(record.points[keys.SAMPLES_PER_SECOND][0]) == 3
    for settings in (record.params, run.data.params):
        known = Hyperparameters.from_params(settings)
        assert (known.optimizer, known.task, known.activations) == ("AdamW", "regression", "Tanh")
        assert (known.batch_size, known.train_samples, known.output_units) == (8, 32, 3)
        assert (known.dropout, known.learning_rate, known.planned_steps) == (0.25, 0.01, 4)


def test_the_active_run_is_used_and_left_open(
    client: MlflowClient, model: nn.Module, optimizer: torch.optim.Optimizer
) -> None:
    with mlflow.start_run() as run:
        mlflow.log_metric(keys.TRAIN_LOSS, 7.0, step=0)
        with TuneGuardCallback(model, optimizer) as guard:
            train(guard, model, optimizer, 3)
        assert guard.run_id == run.info.run_id
        assert client.get_run(guard.run_id).info.status == "RUNNING"
    assert [one.value for one in client.get_metric_history(guard.run_id, keys.TRAIN_LOSS)] == [7.0]
    assert len(client.get_metric_history(guard.run_id, keys.PREFIX + keys.TRAIN_LOSS)) == 3
    assert len(client.get_metric_history(guard.run_id, keys.GRADIENT_NORM_GLOBAL)) == 3


def test_a_resumed_run_goes_on_under_its_keys(
    client: MlflowClient, model: nn.Module, optimizer: torch.optim.Optimizer
) -> None:
    run_id = client.create_run("0").info.run_id
    for _ in range(2):
        with TuneGuardCallback(model, optimizer, run_id=run_id) as guard:
            train(guard, model, optimizer, 3)
    assert len(client.get_metric_history(run_id, keys.TRAIN_LOSS)) == 6
    assert load_record(client, run_id).points[keys.TRAIN_LOSS][0].tolist() == [0, 1, 2, 3, 4, 5]


def test_what_is_not_finite_is_kept_but_not_charted(
    client: MlflowClient, model: nn.Module, optimizer: torch.optim.Optimizer
) -> None:
    with TuneGuardCallback(model, optimizer) as guard:
        train(guard, model, optimizer, 2)
        guard.on_after_backward(torch.tensor(math.nan))
        guard.on_validation_end({"loss": math.inf})
    run = client.get_run(guard.run_id)
    assert math.isfinite(run.data.metrics[keys.TRAIN_LOSS])
    assert keys.VALIDATION_LOSS not in run.data.metrics
    assert run.data.metrics[keys.NON_FINITE] == 2
    points = load_record(client, guard.run_id).points
    assert math.isnan(points[keys.TRAIN_LOSS][1][-1])
    assert points[keys.VALIDATION_LOSS][1].tolist() == [math.inf]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ZeroDivisionError("mine"), "FAILED"),
        (KeyboardInterrupt(), "KILLED"),
        (SystemExit(0), "FINISHED"),
    ],
)
def test_the_loops_own_exception_passes_through(
    client: MlflowClient,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    error: BaseException,
    status: str,
) -> None:
    guard = TuneGuardCallback(model, optimizer)

    def interrupted() -> None:
        with guard:
            train(guard, model, optimizer, 1)
            raise error

    with pytest.raises(type(error)) as raised:
        interrupted()
    assert raised.value is error
    assert client.get_run(guard.run_id).info.status == status


def test_accumulation_counts_optimizer_steps(
    client: MlflowClient, model: nn.Module, optimizer: torch.optim.Optimizer
) -> None:
    with TuneGuardCallback(model, optimizer, accumulate=2) as guard:
        for micro_batch in range(4):
            loss = model(torch.ones(2, 6)).square().mean()
            (loss / 2).backward()
            guard.on_after_backward(float(micro_batch))
            if micro_batch % 2:
                reference = float(nn.utils.clip_grad_norm_(model.parameters(), math.inf))
                optimizer.step()
                optimizer.zero_grad()
    points = load_record(client, guard.run_id).points
    assert points[keys.TRAIN_LOSS][1].tolist() == [0.5, 2.5]
    assert points[keys.GRADIENT_NORM_GLOBAL][1][-1] == pytest.approx(reference)


def test_two_callbacks_at_once_are_kept_apart(
    client: MlflowClient, model: nn.Module, caplog: pytest.LogCaptureFixture
) -> None:
    other = nn.Linear(6, 2)
    ours, theirs = (torch.optim.SGD(one.parameters(), lr=0.1) for one in (model, other))
    with (
        mlflow.start_run() as run,
        TuneGuardCallback(model, ours) as first,
        TuneGuardCallback(other, theirs) as second,
    ):
        train(first, model, ours, 2)
        train(second, other, theirs, 3)
    assert caplog.text.count("is being recorded already") == 1
    record = load_record(client, run.info.run_id)
    assert record.layers == ("0", "3")
    for key, count in ((keys.TRAIN_LOSS, 2), ("recorder-2/train/loss", 3)):
        assert len(record.points[key][0]) == count
        assert len(client.get_metric_history(run.info.run_id, key)) == count
    assert "recorder-2/gradient_norm/Linear" in record.points
    history = load_run(run.info.run_id)
    assert history.roles["train_loss"] == keys.TRAIN_LOSS
    assert set(history.series) == set(record.points)
    assert [note for note in history.notes if "2 recorders" in note]


def test_nothing_of_ours_reaches_the_loop(
    client: MlflowClient,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def spoil(*_: object, **__: object) -> None:
        raise RuntimeError(ONLY_FAILURE)

    guard = TuneGuardCallback(model, optimizer, flush_every=1)
    for owner, name in [
        (guard._sink, "put"),
        (guard._sink, "describe"),
        (guard._recorder, "add"),
        (guard._recorder._sampler, "before_update"),
    ]:
        monkeypatch.setattr(owner, name, spoil)
    with caplog.at_level(logging.WARNING, "tuneguard"), guard:
        train(guard, model, optimizer, 3)
        guard.on_validation_end({"loss": 1.0})
        guard.on_validation_end({"loss": 1.0})
        assert len(list(guard.batches([torch.ones(2), torch.ones(2)]))) == 2
        guard.on_after_backward("no loss at all")
    warned = [record.args[0] for record in caplog.records if ONLY_FAILURE in record.getMessage()]
    assert len(warned) == len(set(warned))


@pytest.mark.parametrize(
    "wrong",
    [
        {"accumulate": 0},
        {"flush_every": 0},
        {"planned_steps": -1},
        {"num_classes": 2.5},
        {"model": None},
        {"optimizer": None},
        {"optimizer": []},
        {"budget": 0.0},
    ],
)
def test_wrong_arguments_are_refused(
    model: nn.Module, optimizer: torch.optim.Optimizer, wrong: dict[str, object]
) -> None:
    arguments = {"model": model, "optimizer": optimizer, **wrong}
    with pytest.raises(ValueError, match=next(iter(wrong))):
        TuneGuardCallback(**arguments)


def test_the_random_state_is_left_alone(
    client: MlflowClient, model: nn.Module, optimizer: torch.optim.Optimizer
) -> None:
    before = torch.get_rng_state()
    with TuneGuardCallback(model, optimizer):
        pass
    assert torch.equal(before, torch.get_rng_state())


def test_a_forked_child_records_nothing(
    client: MlflowClient,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with TuneGuardCallback(model, optimizer) as guard:
        train(guard, model, optimizer, 1)
        with monkeypatch.context() as child:
            child.setattr("tuneguard.recording.unbreakable.os.getpid", lambda: -1)
            train(guard, model, optimizer, 1)
            guard._close("FAILED")
    assert client.get_run(guard.run_id).info.status == "FINISHED"
    assert load_record(client, guard.run_id).points[keys.TRAIN_LOSS][0].tolist() == [0]


def test_samples_of_both_splits_are_compared(
    client: MlflowClient,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(budget, "DENSE_SECONDS", math.inf)  # however busy the machine is
    validation = torch.randn(40, 6)
    leaked = torch.cat([torch.randn(40, 6), validation[:10]])
    with TuneGuardCallback(model, optimizer) as guard:
        for _ in range(2):
            for (inputs,) in guard.batches(DataLoader(TensorDataset(leaked), batch_size=5)):
                optimizer.zero_grad()
                loss = model(inputs).square().mean()
                loss.backward()
                guard.on_after_backward(loss)
                optimizer.step()
            loader = guard.validation_batches(DataLoader(TensorDataset(validation), batch_size=20))
            losses = [model(inputs).square().mean().item() for (inputs,) in loader]
            guard.on_validation_end({"loss": sum(losses) / len(losses)})
    counted = client.get_run(guard.run_id).data.metrics
    assert counted[keys.VALIDATION_SAMPLES] == 40
    assert counted[keys.EXAMINED_SAMPLES] == 100
    assert counted[keys.DISTINCT_EXAMINED_SAMPLES] == 50
    assert counted[keys.SHARED_EXAMINED_SAMPLES] == 20
    assert counted[keys.SHARED_VALIDATION_SAMPLES] == 10
    record = load_record(client, guard.run_id)
    assert record.points[keys.EXAMINED_SAMPLES][1].tolist() == [50, 100]
