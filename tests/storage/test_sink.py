from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient

from tuneguard import keys
from tuneguard.spool.columns import Columns
from tuneguard.spool.manifest import Manifest, new_recorder_id
from tuneguard.spool.spool_folder import Spool, Ticket, open_spool
from tuneguard.storage.record import load_record
from tuneguard.storage.sink import QUEUE_PACKETS, Sink


@dataclass
class Rows:
    """A packet of rows at hand."""

    rows: list[tuple[str, int, int, float]]

    @property
    def size(self) -> int:
        return len(self.rows)

    def columns(self) -> Columns:
        return Columns.from_rows(self.rows)


def losses(*steps: int, key: str = keys.TRAIN_LOSS) -> Rows:
    return Rows([(key, step, 1000 + step, 1.0 / (1 + step)) for step in steps])


@pytest.fixture
def spool(tracking_uri: str, run_id: str, spool_root: Path) -> Spool:
    ticket = Ticket(tracking_uri, run_id)
    manifest = Manifest(new_recorder_id(), params={"optimizer": "SGD"})
    return Spool.create(spool_root, ticket, manifest)


def test_everything_arrives(client: MlflowClient, run_id: str, spool: Spool) -> None:
    sink = Sink(spool)
    sink.describe(params={"optimizer": "Adam"})
    sink.put(losses(0, 1))
    sink.put(losses(2))
    sink.close("FINISHED")
    assert len(client.get_metric_history(run_id, keys.TRAIN_LOSS)) == 3
    assert client.get_run(run_id).data.params == {"tuneguard/optimizer": "Adam"}
    assert client.get_run(run_id).info.status == "RUNNING"
    assert load_record(client, run_id).points[keys.TRAIN_LOSS][0].tolist() == [0, 1, 2]
    assert not spool.folder.exists()


def test_a_key_that_mlflow_refuses_costs_only_itself(
    client: MlflowClient, run_id: str, spool: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    sink = Sink(spool)
    sink.put(losses(0, 1))
    sink.put(losses(0, 1, key="bad[key]"))
    sink.put(losses(2, 3))
    sink.close("FINISHED")
    assert len(client.get_metric_history(run_id, keys.TRAIN_LOSS)) == 4
    assert "bad[key]" in load_record(client, run_id).points
    assert len([one for one in caplog.records if "bad[key]" in one.getMessage()]) == 1


def test_what_the_threads_cost_is_known(spool: Spool) -> None:
    sink = Sink(spool)
    assert sink.cpu_seconds == 0.0
    sink.put(losses(*range(500)))
    sink.close("FINISHED")
    assert 0.0 < sink._delivery.cpu_seconds < sink.cpu_seconds


def test_a_sink_is_drained_once_its_points_are_delivered(spool: Spool) -> None:
    sink = Sink(spool)
    assert sink.is_drained
    sink.put(losses(*range(500)))
    assert not sink.is_drained
    sink.close("FINISHED")
    assert sink.is_drained


def test_a_param_of_the_user_is_not_overwritten(
    client: MlflowClient, run_id: str, spool: Spool
) -> None:
    client.log_param(run_id, "tuneguard/optimizer", "mine")
    Sink(spool).close("FINISHED")
    assert client.get_run(run_id).data.params == {"tuneguard/optimizer": "mine"}


def test_the_loop_never_waits(spool: Spool, caplog: pytest.LogCaptureFixture) -> None:
    is_free = threading.Event()

    class Slow(Rows):
        def columns(self) -> Columns:
            is_free.wait(10)
            return super().columns()

    sink = Sink(spool)
    sink.put(Slow(losses(0).rows))
    for step in range(1, QUEUE_PACKETS + 5):
        sink.put(losses(step))
    assert sink.dropped >= 3
    is_free.set()
    sink.close("FINISHED")
    assert "could not be kept" in caplog.text


def test_a_packet_that_fails_costs_only_itself(
    client: MlflowClient, run_id: str, spool: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Rows):
        def columns(self) -> Columns:
            raise RuntimeError("device lost")

    sink = Sink(spool)
    sink.put(losses(0))
    sink.put(Broken(losses(1, 2).rows))
    sink.put(losses(3))
    sink.close("FINISHED")
    assert load_record(client, run_id).points[keys.TRAIN_LOSS][0].tolist() == [0, 3]
    assert sink.dropped == 2
    assert "device lost" in caplog.text


def test_a_full_disk_costs_nothing_while_the_store_is_there(
    client: MlflowClient,
    run_id: str,
    spool: Spool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tuneguard.spool.record_writer.Segment", full)
    monkeypatch.setattr("tuneguard.spool.outbox.Outbox._append_to_disk", full)
    sink = Sink(spool)
    for step in range(3):
        sink.put(losses(step))
    sink.close("FINISHED")
    assert len(client.get_metric_history(run_id, keys.TRAIN_LOSS)) == 3
    assert load_record(client, run_id).points[keys.TRAIN_LOSS][0].tolist() == [0, 1, 2]
    assert caplog.text.count("No space left") == 1
    assert sink.dropped == 0
    assert not spool.folder.exists()


def test_without_disk_and_server_the_loss_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    ticket = Ticket("http://127.0.0.1:9", None, own_run=True)
    sink = Sink(open_spool(tmp_path / "file", ticket, Manifest("recorder")))
    sink.put(losses(0))
    sink.close("FAILED")
    assert "lost: there was no disk" in caplog.text
    assert "1 measured values could not be kept" in caplog.text
    assert sink.dropped == 1


def test_a_key_of_somebody_else_is_left_to_its_owner(
    client: MlflowClient, run_id: str, spool: Spool
) -> None:
    client.log_metric(run_id, keys.VALIDATION_LOSS, 9.0, step=0)
    sink = Sink(spool)
    sink.put(losses(0))
    sink._delivery._send()
    sink.put(losses(0, key=keys.VALIDATION_LOSS))
    client.log_metric(run_id, keys.TRAIN_LOSS, 5.0, step=77)
    sink.put(losses(1, 2))
    sink.close("FINISHED")
    found = client.get_run(run_id).data.metrics
    assert found[keys.VALIDATION_LOSS] == 9.0
    assert found[keys.TRAIN_LOSS] == 5.0
    assert found[keys.PREFIX + keys.VALIDATION_LOSS] == 1.0
    assert found[keys.PREFIX + keys.TRAIN_LOSS] == pytest.approx(1 / 3)


def test_a_deleted_run_keeps_its_spool(
    client: MlflowClient, run_id: str, spool: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    client.delete_run(run_id)
    sink = Sink(spool)
    sink.put(losses(0))
    sink.close("FINISHED")
    assert spool.folder.exists()
    assert "is deleted" in caplog.text
    assert "tuneguard sync" in caplog.text


def test_our_own_run_is_ended(client: MlflowClient, tracking_uri: str, spool_root: Path) -> None:
    run_id = mlflow.start_run().info.run_id
    ticket = Ticket(tracking_uri, run_id, own_run=True)
    Sink(Spool.create(spool_root, ticket, Manifest("recorder"))).close("KILLED")
    assert client.get_run(run_id).info.status == "KILLED"
    assert mlflow.active_run() is None
