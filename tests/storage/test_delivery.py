from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from tuneguard import keys
from tuneguard.spool.columns import Columns
from tuneguard.spool.manifest import Manifest
from tuneguard.spool.record_writer import RecordWriter
from tuneguard.spool.spool_folder import Spool, Ticket
from tuneguard.storage.delivery import Delivery
from tuneguard.storage.record import load_record


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

    upload = MlflowClient.log_artifact

    def slow_upload(*args: Any, **kwargs: Any) -> None:
        upload(*args, **kwargs)
        if len(spool.manifest.parts) == 1:
            cut(2, 3)

    monkeypatch.setattr(MlflowClient, "log_artifact", slow_upload)
    cut(0, 1)
    delivery = Delivery(spool)
    delivery.send()
    assert len(spool.manifest.parts) == 2
    assert recorded() == [0, 1]
    delivery.send()
    assert recorded() == [0, 1, 2, 3]
    spool.release()
