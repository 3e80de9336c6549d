"""What other ranks than the first deliver: parts of the record, and nothing else."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tuneguard import keys
from tuneguard.exceptions import HistoryFormatError, StoreUnreachableError
from tuneguard.spool.announced_run import AnnouncedRun
from tuneguard.spool.columns import Columns
from tuneguard.spool.manifest import Manifest
from tuneguard.spool.spool_folder import Spool, Ticket, open_spool
from tuneguard.storage.delivery import Delivery
from tuneguard.storage.record import load_record
from tuneguard.storage.sink import Sink
from tuneguard.storage.sync import sync


class Losses:
    size = 1

    def columns(self) -> Columns:
        return Columns.from_rows([(keys.TRAIN_LOSS, 0, 1000, 0.5)])


def spool_of(root: Path, tracking_uri: str, rank: int, run_id: str | None = None) -> Spool:
    params = {"optimizer": "SGD"}
    name = f"a-rank-{rank}" if rank else "b"
    manifest = Manifest(name, params=params, rank=rank, world_size=2)
    return open_spool(root, Ticket(tracking_uri, run_id, "mine"), manifest)


def test_another_rank_sends_its_part_of_the_record_only(
    client: MlflowClient, run_id: str, spool_root: Path
) -> None:
    first = spool_of(spool_root, client.tracking_uri, 0, run_id)
    other = spool_of(spool_root, "nowhere", 1)
    sinks = [Sink(spool) for spool in (first, other)]
    AnnouncedRun.from_json(AnnouncedRun.of(first).to_json()).adopt(other)
    for sink in sinks:
        sink.put(Losses())
    sinks[1].close("FAILED")
    run = client.get_run(run_id)
    assert (run.data.metrics, run.data.params, run.info.status) == ({}, {}, "RUNNING")
    assert not other.folder.exists()
    sinks[0].close("FINISHED")
    assert len(client.get_metric_history(run_id, keys.TRAIN_LOSS)) == 1
    assert keys.RANK_LOSS_SPREAD in load_record(client, run_id).points


def test_a_rank_that_never_learns_its_run_keeps_what_it_has(
    client: MlflowClient, spool_root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = spool_of(spool_root, client.tracking_uri, 1)
    sink = Sink(spool)
    sink.put(Losses())
    sink.close("FINISHED")
    assert "rank 0 has not said" in caplog.text
    (result,) = sync(spool_root)
    assert (result.outcome, result.run_id) == ("failed", None)
    assert "never learned" in result.reason
    assert spool.folder.exists()


def test_sync_brings_the_ranks_into_one_run(client: MlflowClient, spool_root: Path) -> None:
    """Rank 0 could not start a run: the others find the one that is created for it."""
    other = spool_of(spool_root, client.tracking_uri, 1)
    first = spool_of(spool_root / "elsewhere", client.tracking_uri, 0)
    AnnouncedRun.of(first).adopt(other)
    for spool in (first, other):
        spool.release()
    assert "waits for the run of rank 0" in sync(spool_root)[0].reason
    (created,) = sync(spool_root / "elsewhere")
    (found,) = sync(spool_root)
    assert (created.outcome, found.outcome) == ("delivered", "delivered")
    assert created.run_id == found.run_id
    assert load_record(client, found.run_id).missing_ranks == ()


def test_artifacts_on_the_disk_of_another_machine_are_not_written_to(
    client: MlflowClient, run_id: str, spool_root: Path
) -> None:
    first = spool_of(spool_root, client.tracking_uri, 0, run_id)
    other = spool_of(spool_root, client.tracking_uri, 1)
    replace(AnnouncedRun.of(first), host=f"not-{socket.gethostname()}").adopt(other)
    with pytest.raises(StoreUnreachableError, match="use an MLflow server"):
        Delivery(other).finish()
    Delivery(first).finish()
    Delivery(other).finish()
    assert load_record(client, run_id).missing_ranks == ()
    for spool in (first, other):
        spool.release()


def test_a_database_on_another_machine_is_not_created_here(
    tmp_path: Path, spool_root: Path
) -> None:
    there = tmp_path / "there.db"
    other = spool_of(spool_root, f"sqlite:///{there}", 1, "some-run")
    with pytest.raises(StoreUnreachableError, match="no database"):
        Delivery(other).send()
    assert not there.exists()
    other.release()


def test_the_ranks_of_one_run_are_not_beside_each_other(spool_root: Path) -> None:
    other = spool_of(spool_root, "uri", 1, "run")
    first = spool_of(spool_root, "uri", 0, "run")
    third = spool_of(spool_root, "uri", 2, "run")
    assert [one.manifest.beside for one in (other, first, third)] == [0, 0, 0]
    for spool in (other, first, third):
        spool.release()


@pytest.mark.parametrize("text", ["", "[1]", '{"run_id": "x"}'])
def test_an_announcement_of_another_kind_is_refused(text: str) -> None:
    with pytest.raises(HistoryFormatError, match="announced"):
        AnnouncedRun.from_json(text)
