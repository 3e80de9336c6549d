"""Loops that are not as one would expect: all of them train on, and what can be kept is kept."""

from __future__ import annotations

import mlflow
import pytest
import torch
from mlflow import MlflowClient
from torch import nn

from tuneguard import keys
from tuneguard.recording import TuneGuardCallback
from tuneguard.storage.record import load_record


def train(
    guard: TuneGuardCallback, model: nn.Module, optimizer: torch.optim.Optimizer, steps: int
) -> None:
    for _ in range(steps):
        optimizer.zero_grad()
        loss = model(torch.ones(4, 6)).square().mean()
        loss.backward()
        guard.on_after_backward(loss)
        optimizer.step()


def test_after_the_end_nothing_happens(
    client: MlflowClient,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    guard = TuneGuardCallback(model, optimizer)
    guard.close()
    guard.close()
    train(guard, model, optimizer, 2)
    guard.on_validation_end({"loss": 1.0})
    assert load_record(client, guard.run_id).points == {}
    assert caplog.text.count("closed already") == 2


@pytest.mark.parametrize("odd", ["0.5", None, 1j, torch.ones(0), torch.tensor(1j)], ids=str)
def test_an_odd_loss_costs_only_itself(
    client: MlflowClient,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    caplog: pytest.LogCaptureFixture,
    odd: object,
) -> None:
    with TuneGuardCallback(model, optimizer) as guard:
        train(guard, model, optimizer, 1)
        for _ in range(2):
            guard.on_after_backward(odd)
            optimizer.step()
        train(guard, model, optimizer, 1)
    points = load_record(client, guard.run_id).points
    assert points[keys.TRAIN_LOSS][0].tolist() == [0, 3]
    assert points[keys.GRADIENT_NORM_GLOBAL][0].tolist() == [0, 1, 2, 3]
    assert caplog.text.count("the loss must be one real number") == 1


def test_frozen_layers_and_a_share_of_the_parameters(client: MlflowClient) -> None:
    model = nn.Sequential(nn.Linear(6, 4), nn.Linear(4, 4), nn.Linear(4, 2))
    model[0].requires_grad_(False)
    optimizer = torch.optim.SGD(model[2].parameters(), lr=0.1)
    with TuneGuardCallback(model, optimizer) as guard:
        train(guard, model, optimizer, 2)
    points = load_record(client, guard.run_id).points
    norms = {key for key in points if key.startswith("gradient_norm/")}
    assert norms == {"gradient_norm/global", "gradient_norm/1", "gradient_norm/2"}
    assert points["update_ratio/1"][1].tolist() == [0.0, 0.0]


def test_a_model_without_parameters_is_recorded(client: MlflowClient) -> None:
    weight = nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    with TuneGuardCallback(nn.Identity(), optimizer) as guard:
        for _ in range(2):
            guard.on_after_backward(0.5)
            optimizer.step()
    points = load_record(client, guard.run_id).points
    assert points[keys.TRAIN_LOSS][1].tolist() == [0.5, 0.5]


def test_a_nested_run_is_recorded_and_left_open(
    client: MlflowClient, model: nn.Module, optimizer: torch.optim.Optimizer
) -> None:
    with mlflow.start_run() as parent, mlflow.start_run(nested=True) as child:
        with TuneGuardCallback(model, optimizer) as guard:
            train(guard, model, optimizer, 1)
        assert mlflow.active_run().info.run_id == child.info.run_id == guard.run_id
    assert not client.get_run(parent.info.run_id).data.metrics
    assert keys.TRAIN_LOSS in client.get_run(child.info.run_id).data.metrics
