"""`tuneguard watch` on runs in a store: where it ends, and how."""

from __future__ import annotations

import math

import pytest
from mlflow.entities import Metric


def log(client, run_id, losses, first=0, key="val_loss"):
    points = [Metric(key, loss, 1000 + i, i) for i, loss in enumerate(losses, first)]
    client.log_batch(run_id, metrics=points)


def falling(count):
    return [0.3 + 2.0 * math.exp(-i / 12.0) + 0.01 * math.sin(7.0 * i) for i in range(count)]


def test_a_run_that_has_ended_is_diagnosed_at_once(invoke, client, run_id, tracking_uri):
    log(client, run_id, [*falling(20), *[0.6 + 0.05 * i for i in range(40)]])
    log(client, run_id, falling(60), key="train_loss")
    client.set_terminated(run_id)
    tags = client.get_run(run_id).data.tags
    result = invoke("watch", run_id, "--tracking-uri", tracking_uri)
    assert result.exit_code == 1
    assert "WARNING Overfitting (TG101)" in result.stdout
    assert "Try first: " in result.stdout
    assert f"tuneguard diagnose {run_id}" in result.stderr
    assert client.get_run(run_id).data.tags == tags
    lenient = invoke("watch", run_id, "--tracking-uri", tracking_uri, "--fail-on", "never")
    assert lenient.exit_code == 0


def test_a_run_is_followed_until_it_ends(invoke, client, run_id, tracking_uri, monkeypatch):
    log(client, run_id, falling(30), key="train_loss")

    def sleep(seconds):
        log(client, run_id, falling(60)[30:], first=30, key="train_loss")
        client.set_terminated(run_id)

    monkeypatch.setattr("tuneguard.cli.watch.time.sleep", sleep)
    result = invoke("watch", run_id, "--tracking-uri", tracking_uri)
    assert "step 29; training loss" in result.stdout
    assert "\nHEALTHY" in result.stdout
    assert result.exit_code == 0


def test_ctrl_c_ends_it_and_leaves_the_run(invoke, client, run_id, tracking_uri, monkeypatch):
    log(client, run_id, falling(30))

    def interrupt(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr("tuneguard.cli.watch.time.sleep", interrupt)
    result = invoke("watch", run_id, "--tracking-uri", tracking_uri)
    assert result.exit_code == 130
    assert "Stopped watching" in result.stderr
    assert client.get_run(run_id).info.status == "RUNNING"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [(["0" * 32], "There is no run"), (["x", "--interval", "0"], "interval")],
)
def test_what_is_wrong_is_said(invoke, tracking_uri, arguments, word):
    result = invoke("watch", *arguments, "--tracking-uri", tracking_uri)
    assert result.exit_code == 2
    assert word in result.stderr
