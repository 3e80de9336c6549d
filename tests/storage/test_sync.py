from __future__ import annotations

import json
import shutil
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tuneguard import keys
from tuneguard.spool.charts import ChartPoint
from tuneguard.spool.columns import Columns
from tuneguard.spool.manifest import Manifest, new_recorder_id
from tuneguard.spool.record_writer import RecordWriter
from tuneguard.spool.spool_folder import Spool, Ticket
from tuneguard.storage.reachability import is_reachable, within
from tuneguard.storage.record import load_record
from tuneguard.storage.sync import SyncResult, send_earlier, sync

DEAD = "http://127.0.0.1:9"


def left_behind(root: Path, ticket: Ticket) -> Path:
    """A spool as a killed process leaves it."""
    spool = Spool.create(root, ticket, Manifest(new_recorder_id(), params={"optimizer": "SGD"}))
    rows = [(keys.TRAIN_LOSS, step, 1000 + step, 0.5) for step in range(3)]
    RecordWriter(spool).append(Columns.from_rows(rows))
    spool.outbox.append(ChartPoint(key, step, time, value) for key, step, time, value in rows)
    spool.release()
    assert spool.folder is not None
    return spool.folder


def test_a_run_that_could_not_be_created_is_created(
    client: MlflowClient, tracking_uri: str, spool_root: Path
) -> None:
    ticket = Ticket(tracking_uri, None, "mine", 1_700_000_000_000, own_run=True)
    folder = left_behind(spool_root, ticket)
    heard: list[object] = []
    results = sync(spool_root, on_result=heard.append)
    assert heard == results
    assert [result.outcome for result in results] == ["delivered"]
    run = client.get_run(results[0].run_id)
    assert client.get_experiment(run.info.experiment_id).name == "mine"
    assert (run.info.start_time, run.info.status) == (1_700_000_000_000, "FAILED")
    assert abs(run.info.end_time / 1000 - time.time()) < 600
    assert run.data.params["tuneguard/optimizer"] == "SGD"
    assert len(client.get_metric_history(run.info.run_id, keys.TRAIN_LOSS)) == 3
    assert load_record(client, run.info.run_id).points[keys.TRAIN_LOSS][0].tolist() == [0, 1, 2]
    assert not folder.exists()
    assert sync(spool_root) == []


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (Ticket("", None, own_run=True, status="KILLED", ended=5), "KILLED"),
        (Ticket("", None, own_run=True), "FAILED"),
        (Ticket("", None, status="FINISHED", ended=5), "RUNNING"),
        (Ticket("", None, open_here=True), "FAILED"),
        (Ticket("", None, open_here=True, status="FINISHED", ended=5), "RUNNING"),
        (Ticket("", None), "RUNNING"),
    ],
)
def test_a_run_is_ended_that_nobody_else_ends(
    client: MlflowClient, run_id: str, spool_root: Path, left: Ticket, expected: str
) -> None:
    left_behind(spool_root, replace(left, tracking_uri=client.tracking_uri, run_id=run_id))
    assert sync(spool_root)[0].outcome == "delivered"
    assert client.get_run(run_id).info.status == expected


def test_a_run_that_a_later_recorder_takes_up_is_not_ended(
    client: MlflowClient, run_id: str, spool_root: Path
) -> None:
    ticket = Ticket(client.tracking_uri, run_id, own_run=True)
    earlier = left_behind(spool_root, ticket)
    later = Spool.create(spool_root, Ticket(client.tracking_uri, run_id), Manifest("z-later"))
    assert [one.outcome for one in sync(spool_root)] == ["delivered", "in use"]
    assert not earlier.exists()
    assert client.get_run(run_id).info.status == "RUNNING"
    later.release()


def test_a_resumed_recording_sends_what_was_left_and_ends_the_run(
    client: MlflowClient, run_id: str, spool_root: Path
) -> None:
    earlier = left_behind(spool_root, Ticket(client.tracking_uri, run_id, own_run=True))
    elsewhere = left_behind(spool_root, Ticket(client.tracking_uri, "another run"))
    later = Spool.create(spool_root, Ticket(client.tracking_uri, run_id), Manifest("z-later"))
    send_earlier(later)
    assert (earlier.exists(), elsewhere.exists()) == (False, True)
    assert len(client.get_metric_history(run_id, keys.TRAIN_LOSS)) == 3
    assert client.get_run(run_id).info.status == "RUNNING"
    assert later.ticket.own_run
    later.release()


def test_one_spool_that_fails_does_not_keep_the_others(
    client: MlflowClient, run_id: str, spool_root: Path
) -> None:
    folder = left_behind(spool_root, Ticket(DEAD, None))
    left_behind(spool_root, Ticket(client.tracking_uri, run_id))
    damaged = spool_root / "damaged"
    damaged.mkdir()
    (damaged / "run.json").write_text("{")
    outcomes = {result.spool.name: result for result in sync(spool_root)}
    assert sorted(result.outcome for result in outcomes.values()) == [
        "delivered",
        "failed",
        "failed",
    ]
    assert "Nothing answers" in outcomes[folder.name].reason
    assert outcomes["damaged"].reason
    assert folder.exists()


def test_another_store_may_be_named(
    client: MlflowClient, tracking_uri: str, spool_root: Path
) -> None:
    left_behind(spool_root, Ticket(DEAD, None))
    result = sync(spool_root, tracking_uri)[0]
    assert (result.outcome, result.tracking_uri) == ("delivered", tracking_uri)


def test_a_spool_in_use_is_left_alone(spool_root: Path) -> None:
    spool = Spool.create(spool_root, Ticket(DEAD, None), Manifest("recorder"))
    assert [result.outcome for result in sync(spool_root)] == ["in use"]
    spool.release()


def test_a_spool_of_another_machine_is_left_alone_while_it_changes(spool_root: Path) -> None:
    folder = left_behind(spool_root, Ticket(DEAD, None))
    ticket = json.loads((folder / "run.json").read_text()) | {"host": "elsewhere"}
    (folder / "run.json").write_text(json.dumps(ticket))
    assert sync(spool_root)[0].outcome == "in use"


def test_reachability_is_found_out_in_time() -> None:
    assert is_reachable("sqlite:///new.db")
    assert not is_reachable(DEAD)
    assert not is_reachable("postgresql://127.0.0.1:9/mlflow")
    started = time.monotonic()
    assert not within(0.05, lambda: time.sleep(1) is None)
    assert time.monotonic() - started < 0.9
    assert within(5.0, lambda: True)


def test_a_server_that_hangs_is_not_reachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert not is_reachable(f"http://127.0.0.1:{silent.getsockname()[1]}", 0.2)


def test_a_spool_that_is_gone_meanwhile_is_no_failure(spool_root: Path) -> None:
    first, second, third = sorted(left_behind(spool_root, Ticket(DEAD, "run")) for _ in range(3))

    def recorder_finishes(_: SyncResult) -> None:
        shutil.rmtree(second, ignore_errors=True)
        for path in third.iterdir():
            path.unlink()

    results = sync(spool_root, on_result=recorder_finishes)
    assert [result.spool for result in results] == [first]
    assert sync(spool_root)[0].spool == first


def test_a_spool_without_a_manifest_is_a_failure(spool_root: Path) -> None:
    folder = left_behind(spool_root, Ticket(DEAD, "run"))
    (folder / keys.MANIFEST).unlink()
    assert [result.outcome for result in sync(spool_root)] == ["failed"]
