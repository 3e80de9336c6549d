"""`tuneguard scan`: every changed run once, the worst first."""

from __future__ import annotations

import csv
import io
import json
import time

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric

from tuneguard import keys
from tuneguard.fleet import examiner
from tuneguard.fleet.examiner import Examiner

NOW = int(time.time() * 1000)
DAY = 86_400_000
HOSTILE = "=cmd|'/c calc'!A1 \x1b[31m<script>alert(1)</script> ../../etc/passwd"


class Fleet:
    """An experiment whose runs are made at will."""

    def __init__(self, client: MlflowClient) -> None:
        self.client = client
        self.experiment_id = client.create_experiment("training")

    def add(self, name: str = "run", *, sick: bool = False, days_ago: int = 0) -> str:
        start = NOW - days_ago * DAY
        run = self.client.create_run(self.experiment_id, start_time=start, run_name=name)
        losses = [2.0 * 0.93**step + 0.01 * (-1) ** step for step in range(120)]
        if sick:
            losses[60:] = [1.1**step for step in range(60)]
        rows = [Metric("train_loss", y, start + 10 * x, x) for x, y in enumerate(losses)]
        self.client.log_batch(run.info.run_id, metrics=rows)
        self.client.set_terminated(run.info.run_id, end_time=start + 5000)
        return run.info.run_id

    def tags(self, run_id: str) -> dict[str, str]:
        found = self.client.get_run(run_id).data.tags
        return {key: value for key, value in found.items() if key.startswith("tuneguard.")}


@pytest.fixture
def fleet(client: MlflowClient) -> Fleet:
    return Fleet(client)


@pytest.fixture
def scan(invoke):
    def run(*arguments, **options):
        return invoke("scan", "--experiment", "training", "--workers", 1, *arguments, **options)

    return run


@pytest.fixture
def reading(monkeypatch) -> list[str]:
    """Ids of the runs whose histories are read."""
    read: list[str] = []
    whole = examiner.read_history

    def noted(found, roles):
        read.append(found.run.info.run_id)
        return whole(found, roles)

    monkeypatch.setattr(examiner, "read_history", noted)
    return read


def test_the_worst_comes_first(fleet, scan) -> None:
    fine, sick = fleet.add("fine"), fleet.add("sick", sick=True)
    result = scan()
    assert result.exit_code == 1
    assert result.stdout.startswith("Experiment training, 2 runs: 1 critical, 1 healthy.\n")
    assert f"  {sick}  divergence" in result.stdout
    assert fine not in result.stdout
    assert "1 healthy run is not listed" in result.stdout
    assert (fleet.tags(fine)[keys.TAG_VERDICT], fleet.tags(sick)[keys.TAG_VERDICT]) == (
        "healthy",
        "critical",
    )
    assert fleet.client.list_artifacts(sick) == []
    rows = json.loads(scan("--format", "json").stdout)["runs"]
    assert [row["run_id"] for row in rows] == [sick, fine]


def test_an_unchanged_run_is_not_read_again(fleet, scan, reading) -> None:
    runs = {fleet.add(), fleet.add(sick=True)}
    first = json.loads(scan("--format", "json").stdout)
    assert set(reading) == runs
    second = scan("--format", "json")
    assert len(reading) == 2
    again = json.loads(second.stdout)
    assert second.exit_code == 1
    assert again["outcomes"] == {"diagnosed": 0, "unchanged": 2, "unreadable": 0}
    assert again["verdicts"] == first["verdicts"]
    assert again["runs"][0]["findings"] == first["runs"][0]["findings"]
    assert again["runs"][0]["findings"][0]["severity"] == "critical"


def test_what_changed_is_read_and_nothing_else(fleet, scan, reading) -> None:
    late, still, params = fleet.add(), fleet.add(), fleet.add()
    scan()
    reading.clear()
    fleet.client.log_metric(late, "validation_loss", 1.0)
    fleet.client.log_param(params, "lr", 0.1)
    fleet.client.set_tag(still, "team", "vision")
    new = fleet.add()
    scan()
    assert set(reading) == {late, params, new}
    reading.clear()
    scan("--select", "TG4")
    assert len(reading) == 4


def test_ctrl_c_loses_nothing_and_the_next_scan_goes_on(fleet, scan, reading, monkeypatch) -> None:
    runs = {fleet.add(str(i)) for i in range(4)}
    whole = Examiner.examine

    def interrupted(self, run_id):
        if len(reading) == 2:
            raise KeyboardInterrupt
        return whole(self, run_id)

    with monkeypatch.context() as patch:
        patch.setattr(Examiner, "examine", interrupted)
        result = scan()
    assert result.exit_code == 130
    assert result.stdout == ""
    assert "Interrupted after 2 of 4 runs" in result.stderr
    done = {run_id for run_id in runs if keys.TAG_FINGERPRINT in fleet.tags(run_id)}
    assert done == set(reading)
    assert scan().exit_code == 0
    assert sorted(reading) == sorted(runs)


def test_what_another_scan_did_meanwhile_is_not_done_again(
    fleet, scan, reading, monkeypatch
) -> None:
    run_id = fleet.add()
    whole = Examiner.examine

    def second(self, run_id):
        whole(Examiner(self.assignment), run_id)
        return whole(self, run_id)

    monkeypatch.setattr(Examiner, "examine", second)
    found = json.loads(scan("--format", "json").stdout)
    assert reading == [run_id]
    assert found["outcomes"] == {"diagnosed": 0, "unchanged": 1, "unreadable": 0}


@pytest.mark.usefixtures("undrawn")
def test_no_write_and_write_review(fleet, scan) -> None:
    run_id = fleet.add(sick=True)
    assert scan("--no-write").exit_code == 1
    assert fleet.tags(run_id) == {}
    assert scan("--write-review", "--fail-on", "never").exit_code == 0
    assert "mlflow.note.content" in fleet.client.get_run(run_id).data.tags
    both = scan("--no-write", "--write-review")
    assert (both.exit_code, "exclude each other" in both.stderr) == (2, True)


def test_since(fleet, scan) -> None:
    old, ended, new = fleet.add(days_ago=9), fleet.add(days_ago=9), fleet.add(days_ago=1)
    running = fleet.client.create_run(fleet.experiment_id, start_time=NOW - 9 * DAY)
    fleet.client.set_terminated(ended, end_time=NOW)
    found = json.loads(scan("--since", "7d", "--format", "json").stdout)
    ids = {row["run_id"] for row in found["runs"]}
    assert ids == {ended, new, running.info.run_id}
    assert old not in ids
    assert "neither an age" in scan("--since", "soon").stderr


def test_a_run_that_cannot_be_read_stops_no_other(fleet, scan, monkeypatch) -> None:
    bad, good = fleet.add("bad"), fleet.add("good")
    whole = examiner.read_history

    def fail(found, roles):
        if found.run.info.run_id == bad:
            raise ZeroDivisionError("planted")
        return whole(found, roles)

    monkeypatch.setattr(examiner, "read_history", fail)
    result = scan("--verbose")
    assert result.exit_code == 2
    assert f"Could not be read:\n  {bad}  " in result.stdout
    assert "planted" in result.stdout
    assert good in result.stdout


def test_texts_of_a_run_do_nothing(fleet, scan) -> None:
    fleet.add(HOSTILE, sick=True)
    page = scan("--format", "html").stdout
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    row = next(csv.DictReader(io.StringIO(scan("--format", "csv").stdout)))
    assert row["name"].startswith("'=cmd")
    for output_format in ("text", "csv", "html", "json"):
        assert "\x1b" not in scan("--format", output_format).stdout


def test_an_experiment_that_is_not_there(fleet, invoke) -> None:
    result = invoke("scan", "--experiment", "nothing")
    assert result.exit_code == 2
    assert "There is no experiment 'nothing'" in result.stderr
    assert "'training'" in result.stderr
    fleet.client.delete_experiment(fleet.experiment_id)
    result = invoke("scan", "--experiment", "training")
    assert "is deleted. Restore it first" in result.stderr


def test_an_experiment_without_runs_by_its_id(fleet, invoke) -> None:
    result = invoke("scan", "--experiment", fleet.experiment_id)
    assert (result.exit_code, "0 runs." in result.stdout) == (0, True)
