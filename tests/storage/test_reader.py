"""Runs of a real SQLite store become histories, whatever their state."""

from __future__ import annotations

import math
import time
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric

from tuneguard import keys
from tuneguard.history import Axis, Role, Sampling
from tuneguard.spool.columns import Columns
from tuneguard.spool.manifest import Manifest
from tuneguard.spool.part_files import write_part
from tuneguard.storage.reader import load_run

NOW = int(time.time() * 1000)


def log(
    client: MlflowClient,
    run_id: str,
    key: str,
    points: list[tuple[int, float]],
    *,
    start: int = NOW,
    every: int = 10,
) -> None:
    rows = [Metric(key, y, start + every * i, x) for i, (x, y) in enumerate(points)]
    client.log_batch(run_id, metrics=rows)


def falling(count: int, *, first: int = 0, by: int = 1) -> list[tuple[int, float]]:
    return [(first + by * i, 1.0 / (i + 1)) for i in range(count)]


def keep_record(client: MlflowClient, run_id: str, folder: Path, count: int) -> None:
    """Store a full record of the training loss, as a recorder does."""
    folder = folder / "a"
    folder.mkdir()
    rows = [(keys.TRAIN_LOSS, step, NOW + step, 1.0 / (step + 1)) for step in range(count)]
    manifest = Manifest("a", layers=("in", "out"), params={"tuneguard/lr": "0.5"}, steps=count)
    manifest = manifest.with_part(
        write_part(Columns.from_rows(rows), folder / "part-00001.parquet")
    )
    (folder / keys.MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
    client.log_artifacts(run_id, str(folder), f"{keys.RECORD}/a")


class TestRuns:
    def test_a_finished_run(self, client: MlflowClient, run_id: str, tracking_uri: str) -> None:
        log(client, run_id, "train_loss", falling(5))
        client.log_param(run_id, "lr", 0.1)
        client.set_terminated(run_id)
        history = load_run(run_id, tracking_uri)
        assert history.get(Role.TRAIN_LOSS).values.tolist() == [1.0, 1 / 2, 1 / 3, 1 / 4, 1 / 5]
        assert (history.status, history.source) == ("finished", "metrics")
        assert history.hyperparameters.learning_rate == 0.1
        assert history.identity.run_id == run_id
        assert history.identity.tracking_uri == tracking_uri

    def test_the_store_in_use_is_the_default(self, client: MlflowClient, run_id: str) -> None:
        assert load_run(run_id).identity.tracking_uri == client.tracking_uri

    @pytest.mark.parametrize(
        ("status", "expected"),
        [("FAILED", "failed"), ("KILLED", "killed"), ("RUNNING", "running")],
    )
    def test_status(self, client: MlflowClient, run_id: str, status: str, expected: str) -> None:
        client.update_run(run_id, status=status)
        assert load_run(run_id).status == expected

    def test_an_empty_run_is_an_empty_history(self, run_id: str) -> None:
        history = load_run(run_id)
        assert history.series == {}
        assert history.notes == ("The run has no metrics: there is nothing to judge yet.",)

    def test_a_run_that_fell_silent_is_noted(self, client: MlflowClient, run_id: str) -> None:
        log(client, run_id, "loss", falling(3), start=NOW - 3 * 3_600_000)
        (note,) = load_run(run_id).notes
        assert "wrote nothing for 3 hours" in note

    def test_reading_writes_nothing(self, client: MlflowClient, run_id: str) -> None:
        client.set_terminated(run_id)
        before = client.get_run(run_id).to_dictionary()
        load_run(run_id)
        assert client.get_run(run_id).to_dictionary() == before

    def test_texts_of_a_run_are_taken_as_they_are(self, client: MlflowClient) -> None:
        name = "<script>alert(1)</script> [31m"
        run_id = client.create_run("0", run_name=name).info.run_id
        log(client, run_id, "Verlust: übel/loss 1.0", falling(3))
        history = load_run(run_id)
        assert history.identity.name == name
        assert list(history.series) == ["Verlust: übel/loss 1.0"]


class TestPoints:
    def test_non_finite_values_are_restored(self, client: MlflowClient, run_id: str) -> None:
        points = [(0, 1.0), (1, math.nan), (2, math.inf), (3, -math.inf)]
        log(client, run_id, "loss", points)
        values = load_run(run_id).series["loss"].values.tolist()
        assert [repr(value) for value in values] == ["1.0", "nan", "inf", "-inf"]

    def test_a_resumed_run_takes_its_last_course(self, client: MlflowClient, run_id: str) -> None:
        log(client, run_id, "loss", [(0, 4.0), (1, 3.0), (2, 9.0)])
        log(client, run_id, "loss", [(1, 2.0), (2, 1.0)], start=NOW + 1000)
        history = load_run(run_id)
        assert history.series["loss"].values.tolist() == [4.0, 2.0, 1.0]
        assert any("went back to step 1" in note for note in history.notes)

    def test_steps_and_epochs_are_told_apart(self, client: MlflowClient, run_id: str) -> None:
        log(client, run_id, "train_loss", falling(200))
        log(client, run_id, "val_loss", falling(4))
        axes = {key: one.axis for key, one in load_run(run_id).series.items()}
        assert axes == {"train_loss": Axis.STEP, "val_loss": Axis.EPOCH}

    def test_medians_of_strides_are_thinned(self, client: MlflowClient, run_id: str) -> None:
        log(client, run_id, "loss", falling(5, by=10))
        log(client, run_id, "loss/max", falling(5, by=10))
        assert load_run(run_id).series["loss"].sampling is Sampling.THINNED

    def test_the_user_names_the_roles(self, client: MlflowClient, run_id: str) -> None:
        log(client, run_id, "mine", falling(3))
        assert load_run(run_id, roles={"train_loss": "mine"}).roles == {Role.TRAIN_LOSS: "mine"}

    def test_system_metrics_are_placed_by_the_clock(
        self, client: MlflowClient, run_id: str
    ) -> None:
        log(client, run_id, "loss", falling(101), every=10)
        key = "system/cpu_utilization_percentage"
        log(client, run_id, key, [(0, 5.0), (1, 6.0), (2, 7.0)], every=500)
        history = load_run(run_id)
        assert history.series[key].steps.tolist() == [0.0, 50.0, 100.0]
        assert history.roles == {Role.TRAIN_LOSS: "loss"}


class TestRecord:
    def test_the_record_comes_before_its_charts(
        self, client: MlflowClient, run_id: str, tmp_path: Path
    ) -> None:
        keep_record(client, run_id, tmp_path, 50)
        log(client, run_id, keys.TRAIN_LOSS, falling(5, by=10))
        log(client, run_id, f"{keys.TRAIN_LOSS}/max", falling(5, by=10))
        log(client, run_id, "val_acc", falling(3, first=10, by=15))
        history = load_run(run_id)
        assert history.source == "record"
        assert len(history.series[keys.TRAIN_LOSS]) == 50
        assert set(history.series) == {keys.TRAIN_LOSS, "val_acc"}
        assert history.layers == ("in", "out")
        assert history.hyperparameters.learning_rate == 0.5

    def test_charts_know_what_came_after_the_newest_part(
        self, client: MlflowClient, run_id: str, tmp_path: Path
    ) -> None:
        keep_record(client, run_id, tmp_path, 50)
        log(client, run_id, keys.TRAIN_LOSS, falling(8, by=10))
        log(client, run_id, f"{keys.TRAIN_LOSS}/max", falling(8, by=10))
        series = load_run(run_id).series[keys.TRAIN_LOSS]
        assert series.steps[-3:].tolist() == [50.0, 60.0, 70.0]
        assert len(series) == 53
        assert series.sampling is Sampling.THINNED

    def test_a_chart_that_gave_way_to_a_persons_own_metric(
        self, client: MlflowClient, run_id: str, tmp_path: Path
    ) -> None:
        keep_record(client, run_id, tmp_path, 50)
        log(client, run_id, keys.TRAIN_LOSS, falling(2))
        log(client, run_id, f"{keys.PREFIX}{keys.TRAIN_LOSS}", falling(5, by=10))
        lengths = {key: len(series) for key, series in load_run(run_id).series.items()}
        assert lengths == {keys.TRAIN_LOSS: 2, f"{keys.PREFIX}{keys.TRAIN_LOSS}": 50}

    def test_system_metrics_beside_a_record(
        self, client: MlflowClient, run_id: str, tmp_path: Path
    ) -> None:
        keep_record(client, run_id, tmp_path, 50)
        log(client, run_id, keys.TRAIN_LOSS, falling(5, by=10))
        log(client, run_id, "system/cpu", [(0, 5.0), (1, 6.0)], every=40)
        history = load_run(run_id)
        assert history.series["system/cpu"].steps.tolist() == [0.0, 40.0]
        assert len(history.series[keys.TRAIN_LOSS]) == 50

    def test_without_its_artifacts_the_metrics_must_do(self, client: MlflowClient) -> None:
        experiment = client.create_experiment("elsewhere", artifact_location="nowhere://bucket")
        run_id = client.create_run(experiment).info.run_id
        log(client, run_id, "loss", falling(3))
        history = load_run(run_id)
        assert history.source == "metrics"
        assert any("artifacts could not be read" in note for note in history.notes)


class TestState:
    def test_it_changes_with_what_a_diagnosis_depends_on(
        self, client: MlflowClient, run_id: str, tmp_path: Path
    ) -> None:
        def state(roles: dict[str, str] | None = None) -> str:
            return load_run(run_id, roles=roles).identity.state

        states = [state()]
        log(client, run_id, "loss", falling(3))
        states.append(state())
        log(client, run_id, "loss", [(2, 9.0)], start=NOW + 1000)
        states.append(state())
        states.append(state({"validation_loss": "loss"}))
        client.log_param(run_id, "lr", 1)
        states.append(state())
        client.set_terminated(run_id)
        states.append(state())
        keep_record(client, run_id, tmp_path, 3)
        states.append(state())
        assert len(set(states)) == len(states)
        assert state() == states[-1]

    def test_it_does_not_change_with_what_a_review_writes(
        self, client: MlflowClient, run_id: str
    ) -> None:
        before = load_run(run_id).identity.state
        client.set_tag(run_id, "mlflow.note.content", "text")
        client.set_tag(run_id, keys.TAG_VERDICT, "healthy")
        client.log_text(run_id, "text", f"{keys.ARTIFACTS}/report.md")
        assert load_run(run_id).identity.state == before
