from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from tuneguard import keys
from tuneguard.exceptions import StoreUnreachableError
from tuneguard.spool.columns import Columns
from tuneguard.spool.held_parts import HeldPart
from tuneguard.spool.manifest import Manifest, Part
from tuneguard.spool.part_files import encode_part
from tuneguard.spool.record_writer import RecordWriter
from tuneguard.spool.spool_folder import Spool, Ticket
from tuneguard.storage.delivery import Delivery
from tuneguard.storage.record import load_record
from tuneguard.storage.run_contact import RunContact, RunState

NAME = "part-00001.parquet"


def test_a_part_cut_during_an_upload_is_not_named_before_it_is_there(
    client: MlflowClient,
    run_id: str,
    spool_root: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spool = Spool.create(spool_root, Ticket(client.tracking_uri, run_id), Manifest("a"))
    writer = RecordWriter(spool)

    def cut(*steps: int) -> None:
        rows = [(keys.TRAIN_LOSS, step, 1000 + step, 0.5) for step in steps]
        writer.append(Columns.from_rows(rows))
        writer.cut()

    def recorded() -> list[int]:
        record = load_record(client, run_id)
        assert record is not None
        return [int(step) for step in record.points[keys.TRAIN_LOSS][0]]

    upload = RunContact.upload

    def slow_upload(*args: Any, **kwargs: Any) -> None:
        upload(*args, **kwargs)
        if len(spool.manifest.parts) == 1:
            cut(2, 3)

    monkeypatch.setattr(RunContact, "upload", slow_upload)
    cut(0, 1)
    delivery = Delivery(spool)
    delivery.send()
    assert len(spool.manifest.parts) == 2
    assert recorded() == [0, 1]
    delivery.send()
    assert recorded() == [0, 1, 2, 3]
    spool.release()


def test_a_part_that_was_sent_from_memory_is_not_missed(
    client: MlflowClient, run_id: str, spool_root: Path
) -> None:
    spool = Spool.create(spool_root, Ticket(client.tracking_uri, run_id), Manifest("a"))
    part, content = encode_part(Columns.from_rows([(keys.TRAIN_LOSS, 0, 5, 0.5)]), NAME)
    spool.held.add(HeldPart(part, content, 1))
    Delivery(spool).send()
    assert spool.manifest.steps == 1
    # the process was killed, and another one delivers the rest
    Delivery(spool).finish()
    record = load_record(client, run_id)
    assert record is not None
    assert record.points[keys.TRAIN_LOSS][0].tolist() == [0]
    spool.add_part(Part("part-00002.parquet", 1, 1, "0"), 1)
    with pytest.raises(StoreUnreachableError, match=r"part-00002\.parquet"):
        Delivery(spool).send()
    spool.release()


def test_a_round_without_news_asks_nothing(
    client: MlflowClient, run_id: str, spool_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool.create(spool_root, Ticket(client.tracking_uri, run_id), Manifest("a"))
    delivery = Delivery(spool)
    delivery.send()
    asked: list[str] = []
    monkeypatch.setattr(RunContact, "state", lambda _: asked.append("state"))
    delivery.send()
    assert asked == []
    spool.release()


def test_a_param_that_is_refused_costs_only_itself(
    client: MlflowClient,
    run_id: str,
    spool_root: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    params = {"lr": "0.1", "optimizer": "Adam"}
    manifest = Manifest("a", params=params, dropped=3)
    spool = Spool.create(spool_root, Ticket(client.tracking_uri, run_id), manifest)
    client.log_param(run_id, "tuneguard/lr", "0.2")
    # the user logs it after the delivery has looked
    monkeypatch.setattr(RunContact, "state", lambda _: RunState({}, set()))
    Delivery(spool).finish()
    data = client.get_run(run_id).data
    assert data.params == {"tuneguard/lr": "0.2", "tuneguard/optimizer": "Adam"}
    assert data.tags[keys.TAG_DROPPED] == "3"
    assert caplog.text.count("refuses the param 'tuneguard/lr'") == 1
    spool.release()
