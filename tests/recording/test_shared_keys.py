"""Loops that log metrics of the same names themselves: each keeps its own."""

from __future__ import annotations

import time
from collections.abc import Callable

import mlflow
import pytest
import torch
from mlflow import MlflowClient
from torch import nn

from tuneguard import keys
from tuneguard.recording import TuneGuardCallback
from tuneguard.storage import delivery, delivery_thread

EPOCHS = 4
STEPS = 15
OURS = keys.PREFIX + keys.TRAIN_LOSS


def epoch(guard: TuneGuardCallback, model: nn.Module, each_step: Callable[[int], None]) -> None:
    optimizer = guard._recorder._rates._optimizers[0]
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = model(torch.ones(4, 6)).square().mean()
        loss.backward()
        guard.on_after_backward(loss)
        optimizer.step()
        each_step(step)


def values(client: MlflowClient, run_id: str, key: str) -> list[float]:
    return [point.value for point in client.get_metric_history(run_id, key)]


@pytest.fixture
def guard(tracking_uri: str, model: nn.Module) -> TuneGuardCallback:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return TuneGuardCallback(model, optimizer, flush_every=1)


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everything happen at the pace of a test."""
    monkeypatch.setattr(delivery_thread, "INTERVAL_SECONDS", 0.05)
    monkeypatch.setattr(delivery_thread, "SHARE", 1.0)
    monkeypatch.setattr(delivery_thread, "SETTLE_SECONDS", 0.3)
    monkeypatch.setattr(delivery, "COMPARE_SECONDS", 0.0)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("moment", ["each step", "before validation", "after validation"])
def test_a_loop_that_logs_the_same_names_keeps_them(
    client: MlflowClient, model: nn.Module, soon: None, guard: TuneGuardCallback, moment: str
) -> None:
    def log_step(step: int) -> None:
        if moment == "each step":
            mlflow.log_metric(keys.TRAIN_LOSS, -1.0, step=step)

    def log_epoch(number: int) -> None:
        mlflow.log_metric(keys.TRAIN_LOSS, -1.0, step=number)
        mlflow.log_metric(keys.VALIDATION_LOSS, -1.0, step=number)

    with guard:
        for number in range(EPOCHS):
            epoch(guard, model, log_step)
            if moment == "before validation":
                log_epoch(number)
            guard.on_validation_end({"loss": 0.5})
            if moment == "after validation":
                log_epoch(number)
            if number == 0:
                wait_for(
                    lambda: "gradient_norm/global" in client.get_run(guard.run_id).data.metrics
                )
    assert set(values(client, guard.run_id, keys.TRAIN_LOSS)) == {-1.0}
    assert len(values(client, guard.run_id, OURS)) == EPOCHS * STEPS
    assert min(values(client, guard.run_id, OURS)) >= 0


def test_who_logs_at_lower_steps_later_gets_the_key(
    client: MlflowClient,
    model: nn.Module,
    soon: None,
    guard: TuneGuardCallback,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with guard:
        epoch(guard, model, lambda _: None)
        guard.on_validation_end({"loss": 0.5})
        wait_for(lambda: keys.TRAIN_LOSS in client.get_run(guard.run_id).data.metrics)
        mlflow.log_metric(keys.TRAIN_LOSS, -1.0, step=0)
        wait_for(lambda: "is logged by somebody else too" in caplog.text)
        epoch(guard, model, lambda _: None)
    assert len(values(client, guard.run_id, keys.TRAIN_LOSS)) == STEPS + 1
    assert len(values(client, guard.run_id, OURS)) == STEPS
    assert caplog.text.count("is logged by somebody else too") == 1
    assert values(client, guard.run_id, keys.VALIDATION_LOSS) == [0.5]


def test_nothing_is_sent_before_the_first_validation(
    client: MlflowClient, model: nn.Module, soon: None, guard: TuneGuardCallback
) -> None:
    with guard:
        epoch(guard, model, lambda _: None)
        time.sleep(0.5)
        assert not client.get_run(guard.run_id).data.metrics
    assert len(values(client, guard.run_id, keys.TRAIN_LOSS)) == STEPS


def test_a_key_that_a_framework_says_it_logs_is_never_written(
    client: MlflowClient, model: nn.Module, guard: TuneGuardCallback
) -> None:
    guard.leave_keys({keys.TRAIN_LOSS})
    with guard:
        epoch(guard, model, lambda step: None)
    run_id = guard.run_id
    assert run_id is not None
    assert len(values(client, run_id, OURS)) == STEPS
    assert not values(client, run_id, keys.TRAIN_LOSS)
