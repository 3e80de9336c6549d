"""Histories too long to be read whole: a sample, and every point where something happened."""

from __future__ import annotations

import math
import time

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric
from mlflow.store.entities.paged_list import PagedList
from mlflow.store.tracking.rest_store import RestStore

from tuneguard.history import Role, Sampling, Series
from tuneguard.storage import database_points, long_history, metric_histories, sampled_points
from tuneguard.storage.reader import load_run

NOW = int(time.time() * 1000)
COUNT = 2400


def log(client: MlflowClient, run_id: str, key: str, values: list[float], by: int = 1) -> None:
    rows = [Metric(key, y, NOW + 10 * i, i * by) for i, y in enumerate(values)]
    for first in range(0, len(rows), 1000):
        client.log_batch(run_id, metrics=rows[first : first + 1000])


def losses(count: int = COUNT) -> list[float]:
    return [0.3 + 2.0 * math.exp(-i / 800) + 0.01 * math.sin(7.0 * i) for i in range(count)]


class TestDatabase:
    @pytest.fixture(autouse=True)
    def no_other_way(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(metric_histories, "_read", None)

    def test_a_long_history_is_read_whole(self, client: MlflowClient, run_id: str) -> None:
        log(client, run_id, "loss", losses())
        log(client, run_id, "val_loss", [1.0, math.nan, math.inf, -math.inf])
        history = load_run(run_id)
        assert history.series["loss"].values.tolist() == losses()
        assert history.series["loss"].sampling is Sampling.EVERY_STEP
        found = history.series["val_loss"].values.tolist()
        assert [repr(one) for one in found] == ["1.0", "nan", "inf", "-inf"]

    def test_it_says_the_same_as_the_store(self, client: MlflowClient, run_id: str) -> None:
        points = [(3, 1.0), (1, 2.0), (2, 3.0), (1, 4.0)]
        rows = [Metric("loss", y, NOW + i // 2, x) for i, (x, y) in enumerate(points)]
        client.log_batch(run_id, metrics=rows)
        store = client._tracking_client.store
        direct = database_points.read_from_database(store, run_id, ["loss"])["loss"]
        slow = database_points.Written.from_metrics(client.get_metric_history(run_id, "loss"))
        assert direct.steps.tolist() == slow.steps.tolist()
        assert direct.values.tolist() == slow.values.tolist()
        assert direct.timestamps.tolist() == slow.timestamps.tolist()


def test_another_layout_of_the_database_is_left_to_the_store(
    client: MlflowClient, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log(client, run_id, "loss", [2.0, 1.0])

    def unknown(*_: object) -> None:
        raise AttributeError("SqlMetric")

    monkeypatch.setattr(database_points, "_tables", unknown)
    assert load_run(run_id).series["loss"].values.tolist() == [2.0, 1.0]


class TestSamples:
    """As over HTTP; here the store's own method chooses, so that no server is needed."""

    @pytest.fixture(autouse=True)
    def small_limits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(database_points, "MAX_ROWS", 0)
        monkeypatch.setattr(metric_histories, "PAGE", 100)
        monkeypatch.setattr(sampled_points, "SAMPLE_SIZE", 100)
        monkeypatch.setattr(long_history, "WHOLE_WINDOWS", 10)
        monkeypatch.setattr(MlflowClient, "get_metric_history", None)

    def read(self, client: MlflowClient, run_id: str, values: list[float], by: int = 1) -> Series:
        log(client, run_id, "loss", values, by)
        series = load_run(run_id).get(Role.TRAIN_LOSS)
        assert series is not None
        return series

    def test_a_fraction_is_read_and_that_is_said(self, client: MlflowClient, run_id: str) -> None:
        series = self.read(client, run_id, losses())
        assert 100 < len(series) < COUNT / 2
        assert series.span == (0.0, COUNT - 1)
        assert series.sampling is Sampling.BURSTS
        notes = load_run(run_id).notes
        assert any("evenly chosen points" in note and "(loss)" in note for note in notes)

    def test_the_first_bad_step_is_known(self, client: MlflowClient, run_id: str) -> None:
        values = losses()
        values[1345:] = [math.nan] * (COUNT - 1345)
        series = self.read(client, run_id, values)
        assert series.steps[~series.is_finite][0] == 1345
        assert series.steps[series.is_finite][-1] == 1344

    def test_a_leap_is_known_with_its_neighbours(self, client: MlflowClient, run_id: str) -> None:
        values = losses()
        values[717:777] = [y + 5.0 for y in values[717:777]]
        series = self.read(client, run_id, values)
        for edge in (716, 717, 776, 777):
            assert edge in series.steps
            assert series.values[series.steps == edge] == values[edge]

    def test_start_and_end_are_known_in_full(self, client: MlflowClient, run_id: str) -> None:
        steps = set(self.read(client, run_id, losses()).steps.tolist())
        assert set(range(40)) <= steps
        assert set(range(COUNT - 40, COUNT)) <= steps

    def test_what_some_tens_of_requests_hold_is_read_whole(
        self, client: MlflowClient, run_id: str
    ) -> None:
        series = self.read(client, run_id, losses(600))
        assert series.values.tolist() == losses(600)
        assert series.sampling is Sampling.EVERY_STEP
        assert not any("evenly chosen" in note for note in load_run(run_id).notes)

    def test_few_points_over_many_steps_are_one_request(
        self, client: MlflowClient, run_id: str
    ) -> None:
        series = self.read(client, run_id, losses(60), by=50)
        assert (len(series), series.sampling) == (60, Sampling.STRIDE)

    def test_windows_that_are_too_long_are_looked_into(
        self, client: MlflowClient, run_id: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sampled_points, "SAMPLE_SIZE", 16)
        values = losses()
        values[1345:] = [math.nan] * (COUNT - 1345)
        series = self.read(client, run_id, values)
        assert series.steps[~series.is_finite][0] == 1345
        assert series.steps[series.is_finite][-1] == 1344

    def test_what_the_rules_need_comes_first(
        self, client: MlflowClient, run_id: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(metric_histories, "WINDOWS", 12)
        log(client, run_id, "a_gauge", losses(1000))
        log(client, run_id, "loss", losses(600))
        history = load_run(run_id)
        assert len(history.series["loss"]) == 600
        assert len(history.series["a_gauge"]) < 300


class Server(RestStore):
    """A server that holds more points than it puts into one answer."""

    def __init__(self, pages: int) -> None:
        self.pages = pages

    def get_metric_history(self, run_id, metric_key, max_results=None, page_token=None):
        return PagedList([Metric(metric_key, 1.0, NOW, 0)], "more" if self.pages > 1 else None)


@pytest.mark.parametrize(("pages", "expected"), [(1, 1), (40, None)])
def test_one_answer_is_asked_for_and_no_more(
    client: MlflowClient, monkeypatch: pytest.MonkeyPatch, pages: int, expected: int | None
) -> None:
    monkeypatch.setattr(metric_histories, "store_of", lambda _: Server(pages))
    page = metric_histories._first_page(client, "", "loss")
    assert (None if page is None else len(page)) == expected
