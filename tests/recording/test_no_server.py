"""Without a server from the beginning on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mlflow import MlflowClient
from torch import nn

from tuneguard import keys
from tuneguard.recording import TuneGuardCallback
from tuneguard.storage.sync import sync


def train(guard: TuneGuardCallback, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    for _ in range(20):
        optimizer.zero_grad()
        loss = model(torch.ones(4, 6)).square().mean()
        loss.backward()
        guard.on_after_backward(loss)
        optimizer.step()


def test_without_a_server_training_is_recorded(
    model: nn.Module,
    tracking_uri: str,
    spool_root: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with TuneGuardCallback(
        model, optimizer, tracking_uri="http://127.0.0.1:9", experiment="later"
    ) as guard:
        assert guard.run_id is None
        train(guard, model, optimizer)
    assert caplog.text.count("No run could be started") == 1
    assert caplog.text.count("send it with: tuneguard sync") == 1
    result = sync(spool_root, tracking_uri)[0]
    assert result.outcome == "delivered"
    client = MlflowClient(tracking_uri)
    run = client.get_run(result.run_id)
    assert run.info.status == "FINISHED"
    assert client.get_experiment(run.info.experiment_id).name == "later"
    assert len(client.get_metric_history(result.run_id, keys.TRAIN_LOSS)) == 20
