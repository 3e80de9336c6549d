"""A run that is read again and again: each time only what is new."""

from __future__ import annotations

import pytest
from mlflow.entities import Metric

from tuneguard import load_run
from tuneguard.exceptions import RunNotFoundError
from tuneguard.storage import following
from tuneguard.storage.following import THOROUGH_SECONDS, RunFollower


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def follower(run_id, tracking_uri, clock) -> RunFollower:
    return RunFollower(run_id, tracking_uri, clock=clock)


def log(client, run_id, key, first, last):
    points = [Metric(key, 1.0 / (1 + step), 1000 + step, step) for step in range(first, last)]
    client.log_batch(run_id, metrics=points)


def test_new_points_are_added_and_no_news_is_none(client, run_id, follower):
    log(client, run_id, "train/loss", 0, 10)
    assert follower.read().series["train/loss"].steps.tolist() == list(range(10))
    assert follower.read() is None
    log(client, run_id, "train/loss", 10, 25)
    assert follower.read().series["train/loss"].steps.tolist() == list(range(25))


def test_only_what_came_after_the_last_known_step_is_asked_for(
    client, run_id, follower, monkeypatch
):
    log(client, run_id, "train/loss", 0, 50)
    follower.read()
    asked, sampled = [], following.sampled_points
    monkeypatch.setattr(following, "sampled_points", lambda *a: asked.append(a[2:]) or sampled(*a))
    whole, read_histories = [], following.read_histories
    monkeypatch.setattr(
        following, "read_histories", lambda *a: whole.extend(a[2]) or read_histories(*a)
    )
    log(client, run_id, "train/loss", 50, 60)
    follower.read()
    assert asked == [("train/loss", (49, 59))]
    assert whole == []


def test_layers_are_read_now_and_then(client, run_id, follower, clock):
    for key in ("train/loss", "gradient_norm/layer"):
        log(client, run_id, key, 0, 10)
    follower.read()
    for key in ("train/loss", "gradient_norm/layer"):
        log(client, run_id, key, 10, 20)
    lengths = {key: len(one) for key, one in follower.read().series.items()}
    assert lengths == {"train/loss": 20, "gradient_norm/layer": 10}
    clock.now += THOROUGH_SECONDS
    assert len(follower.read().series["gradient_norm/layer"]) == 20


def test_the_end_of_the_run_is_news_and_brings_everything(client, run_id, follower):
    log(client, run_id, "gradient_norm/layer", 0, 10)
    assert follower.read().is_running
    log(client, run_id, "gradient_norm/layer", 10, 20)
    client.set_terminated(run_id, "FAILED")
    history = follower.read()
    assert (history.status, len(history.series["gradient_norm/layer"])) == ("failed", 20)


def test_what_a_resumed_run_wrote_again_is_seen_at_its_end(client, run_id, follower):
    log(client, run_id, "train/loss", 0, 20)
    follower.read()
    resumed = [Metric("train/loss", 9.0, 5000 + step, step) for step in range(10, 30)]
    client.log_batch(run_id, metrics=resumed)
    assert follower.read().series["train/loss"].values[20:].tolist() == [9.0] * 10
    client.set_terminated(run_id)
    assert follower.read().series["train/loss"].values[10:].tolist() == [9.0] * 20


def test_more_new_points_than_a_sample_holds_are_read_whole(client, run_id, follower, monkeypatch):
    monkeypatch.setattr(following, "SAMPLE_SIZE", 5)
    log(client, run_id, "train/loss", 0, 10)
    follower.read()
    log(client, run_id, "train/loss", 10, 40)
    assert len(follower.read().series["train/loss"]) == 40


def test_what_was_followed_is_what_would_be_loaded(client, run_id, tracking_uri, follower):
    for first in range(0, 60, 20):
        for key in ("train/loss", "val_loss", "gradient_norm/layer"):
            log(client, run_id, key, first, first + 20)
        follower.read()
    client.set_terminated(run_id)
    followed, loaded = follower.read(), load_run(run_id, tracking_uri)
    assert followed.identity == loaded.identity
    for key, series in loaded.series.items():
        assert followed.series[key].steps.tolist() == series.steps.tolist()
        assert followed.series[key].values.tolist() == series.values.tolist()


def test_a_run_that_is_not_there_is_said(tracking_uri):
    with pytest.raises(RunNotFoundError):
        RunFollower("0" * 32, tracking_uri).read()
