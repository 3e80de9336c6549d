from __future__ import annotations

from typing import Any

import pytest
import torch
from mlflow import MlflowClient
from torch import nn

from tuneguard import keys
from tuneguard.recording import TuneGuardCallback
from tuneguard.recording.resumed import steps_taken
from tuneguard.storage.reader import load_run


def optimizer_of(name: str, model: nn.Module) -> torch.optim.Optimizer:
    made: torch.optim.Optimizer = getattr(torch.optim, name)(model.parameters(), lr=0.01)
    return made


def train(
    model: nn.Module, optimizer: torch.optim.Optimizer, run_id: str, steps: int, **options: Any
) -> None:
    inputs = torch.randn(8, 6, generator=torch.Generator().manual_seed(1))
    with TuneGuardCallback(model, optimizer, run_id=run_id, **options) as guard:
        for _ in range(steps):
            optimizer.zero_grad()
            loss = model(inputs).square().mean()
            loss.backward()
            guard.on_after_backward(loss)
            optimizer.step()


@pytest.mark.parametrize(
    ("name", "options"), [("SGD", {"first_step": 60}), ("Adam", {}), ("AdamW", {"first_step": 60})]
)
def test_a_resumed_run_goes_on_where_it_stopped(
    client: MlflowClient, run_id: str, model: nn.Module, name: str, options: dict[str, int]
) -> None:
    first = optimizer_of(name, model)
    train(model, first, run_id, 60)
    resumed = optimizer_of(name, model)
    resumed.load_state_dict(first.state_dict())
    train(model, resumed, run_id, 30, **options)
    losses = load_run(run_id).series[keys.TRAIN_LOSS]
    assert losses.steps.tolist() == list(range(90))


@pytest.mark.parametrize(("options", "count"), [({}, 1), ({"first_step": 3}, 0)])
def test_starting_over_in_a_recorded_run_is_said_once(
    client: MlflowClient,
    model: nn.Module,
    caplog: pytest.LogCaptureFixture,
    options: dict[str, int],
    count: int,
) -> None:
    run_id = client.create_run("0").info.run_id
    optimizer = optimizer_of("SGD", model)
    train(model, optimizer, run_id, 3)
    assert "first_step=" not in caplog.text
    train(model, optimizer, run_id, 3, **options)
    assert caplog.text.count("first_step=") == count


@pytest.mark.parametrize("first_step", [-1, 1.5, "60"])
def test_a_first_step_is_a_count(model: nn.Module, first_step: Any) -> None:
    with pytest.raises(ValueError, match="first_step"):
        TuneGuardCallback(model, optimizer_of("SGD", model), first_step=first_step)


@pytest.mark.parametrize(
    ("kept", "expected"), [({"step": 7}, 7), ({"step": "x"}, 0), ({}, 0), (None, 0)]
)
def test_an_optimizer_may_keep_anything(model: nn.Module, kept: Any, expected: int) -> None:
    optimizer = optimizer_of("SGD", model)
    optimizer.state[next(model.parameters())] = kept
    assert steps_taken(optimizer) == expected
