"""The rules at work while a model trains: log, tags, alerts, and nothing that reaches the loop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
import torch
from mlflow import MlflowClient
from torch import nn

from tuneguard import Finding, TuneGuardCallback
from tuneguard.live.live_diagnosis import LiveDiagnosis
from tuneguard.recording.alerts import Alerts
from tuneguard.recording.live_watch import LiveWatch
from tuneguard.spool.columns import Columns
from tuneguard.spool.manifest import Manifest, new_recorder_id
from tuneguard.spool.spool_folder import Spool, Ticket

STEPS = np.arange(400)


class Tagged:
    """Keeps the last tags."""

    def __init__(self) -> None:
        self.tags: dict[str, str] = {}

    def tag(self, tags: dict[str, str]) -> None:
        self.tags = tags


@pytest.fixture
def spool(tracking_uri: str, run_id: str, spool_root: Path) -> Iterator[Spool]:
    manifest = Manifest(new_recorder_id())
    spool = Spool.create(spool_root, Ticket(tracking_uri, run_id), manifest)
    yield spool
    spool.remove()


def losses(first_bad: int) -> Columns:
    values = np.where(first_bad > STEPS, 0.3 + 2.0 * np.exp(-STEPS / 80.0), np.nan)
    return Columns.of_one_key("train/loss", STEPS, STEPS, values)


def test_what_is_found_is_logged_tagged_and_passed_on(
    spool: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[tuple[Finding, str]] = []
    sink = Tagged()
    watch = LiveWatch(
        spool, sink, lambda finding: heard.append((finding, threading.current_thread().name))
    )
    with caplog.at_level(logging.INFO, "tuneguard.live"):
        watch.take(losses(300))
        watch.end("FINISHED")
    assert [(one.rule, thread) for one, thread in heard] == [
        ("non-finite-values", "tuneguard-alerts")
    ]
    assert sink.tags["tuneguard.findings"] == "non-finite-values"
    assert sink.tags["tuneguard.verdict"] == "critical"
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "At step 399: non-finite-values (TG401, critical)" in caplog.text
    assert "Try first: " in caplog.text


def test_a_run_in_which_nothing_is_found_gets_no_tags(spool: Spool) -> None:
    sink = Tagged()
    watch = LiveWatch(spool, sink, lambda _: None)
    watch.take(losses(1000))
    watch.end("FINISHED")
    assert sink.tags == {}
    assert not watch.should_stop


def test_who_asks_whether_to_stop_hears_sooner(spool: Spool) -> None:
    engine = LiveDiagnosis(lambda memory, status: pytest.fail("nobody asked"))
    watch = LiveWatch(spool, Tagged(), engine=engine)
    assert not engine.pace.is_wanted
    assert not watch.should_stop
    assert engine.pace.is_wanted


def test_a_failure_ends_the_looking_and_is_said_once(
    spool: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(memory: Any, status: str) -> Any:
        raise RuntimeError("broken on purpose")

    watch = LiveWatch(spool, Tagged(), engine=LiveDiagnosis(fail))
    for _ in range(3):
        watch.take(losses(0))
    watch.end("FINISHED")
    assert caplog.text.count("broken on purpose") == 1


def test_a_recorder_beside_another_leaves_the_tags_alone(spool: Spool) -> None:
    spool.change_manifest(beside=1)
    sink = Tagged()
    LiveWatch(spool, sink).take(losses(300))
    assert sink.tags == {}


def test_alerts_wait_for_nobody_and_survive_what_they_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    going_on, heard = threading.Event(), []

    def slow_and_failing(finding: Any) -> None:
        going_on.wait(30.0)
        heard.append(finding.rule)
        raise ValueError("no network")

    class Named:
        rule = "divergence"

    alerts = Alerts(slow_and_failing)
    for _ in range(150):
        alerts.put(Named())  # type: ignore[arg-type]
    assert heard == []
    assert "does not return" in caplog.text
    going_on.set()
    alerts.finish(0.0)
    assert alerts._thread is not None
    alerts._thread.join(0.5)
    assert set(heard) == {"divergence"}
    assert "no network" in caplog.text


def train(steps: int, bad_from: int, **options: Any) -> bool:
    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with TuneGuardCallback(model, optimizer, **options) as guard:
        for step in range(steps):
            optimizer.zero_grad()
            loss = model(torch.randn(8, 4)).square().mean()
            loss = loss * float("nan") if step >= bad_from else loss
            loss.backward()
            guard.on_after_backward(loss)
            optimizer.step()
        return guard.should_stop


def test_a_callback_alerts_and_tags_its_run(
    client: MlflowClient, run_id: str, tracking_uri: str
) -> None:
    heard: list[str] = []
    train(
        200,
        100,
        run_id=run_id,
        tracking_uri=tracking_uri,
        on_finding=lambda finding: heard.append(finding.rule),
    )
    assert "non-finite-values" in heard
    tags = client.get_run(run_id).data.tags
    assert tags["tuneguard.non-finite-values"] == "critical @ step 100"
    assert tags["tuneguard.verdict"] == "critical"


def test_a_callback_that_does_not_look_says_nothing(
    client: MlflowClient, run_id: str, tracking_uri: str
) -> None:
    assert not train(200, 100, run_id=run_id, tracking_uri=tracking_uri, live=False)
    tags = client.get_run(run_id).data.tags
    assert not [key for key in tags if key.startswith("tuneguard.")]
    assert mlflow.active_run() is None
