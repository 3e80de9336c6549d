from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tuneguard import keys
from tuneguard.exceptions import HistoryFormatError
from tuneguard.spool.columns import Columns
from tuneguard.spool.manifest import Manifest
from tuneguard.spool.part_files import write_part
from tuneguard.storage.record import load_record


def keep(
    client: MlflowClient, run_id: str, manifest: Manifest, folder: Path, values: list[float]
) -> Manifest:
    """Store one part as a recorder does, its manifest last."""
    folder = folder / manifest.recorder
    folder.mkdir(parents=True, exist_ok=True)
    rows = [("train/loss", step, 1000 + step, value) for step, value in enumerate(values)]
    name = f"part-{len(manifest.parts) + 1:05d}.parquet"
    manifest = manifest.with_part(write_part(Columns.from_rows(rows), folder / name))
    (folder / keys.MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
    client.log_artifacts(run_id, str(folder), f"{keys.RECORD}/{manifest.recorder}")
    return manifest


def test_everything_measured_comes_back(client: MlflowClient, run_id: str, tmp_path: Path) -> None:
    given = Manifest(
        "a", layers=("in", "out"), params={"optimizer": "SGD"}, planned_steps=7, steps=4
    )
    keep(client, run_id, given, tmp_path, [1.0, math.nan, -math.inf, 0.1])
    record = load_record(client, run_id)
    assert record is not None
    steps, values = record.points["train/loss"]
    assert steps.tolist() == [0, 1, 2, 3]
    assert [repr(value) for value in values.tolist()] == ["1.0", "nan", "-inf", "0.1"]
    assert record.layers == ("in", "out")
    assert record.params == {"optimizer": "SGD"}
    assert record.planned_steps == 7
    assert record.size > 0


def test_a_resumed_run_follows_the_first(
    client: MlflowClient, run_id: str, tmp_path: Path
) -> None:
    keep(client, run_id, Manifest("b"), tmp_path, [3.0])
    first = load_record(client, run_id)
    keep(client, run_id, keep(client, run_id, Manifest("a"), tmp_path, [1.0]), tmp_path, [2.0])
    both = load_record(client, run_id)
    assert first is not None
    assert both is not None
    assert both.points["train/loss"][1].tolist() == [1.0, 2.0, 3.0]
    assert both.digest != first.digest


def test_the_ranks_of_a_launch_are_one_recording(
    client: MlflowClient, run_id: str, tmp_path: Path
) -> None:
    first = Manifest("b", layers=("in",), world_size=3)
    keep(client, run_id, first, tmp_path, [1.0, 2.0])
    keep(client, run_id, Manifest("a-rank-1", rank=1, leader="b"), tmp_path, [1.5, 2.0, 9.0])
    keep(client, run_id, Manifest("c", params={"world_size": "1"}), tmp_path, [3.0])
    keep(client, run_id, Manifest("d-rank-2", rank=2), tmp_path, [7.0])
    record = load_record(client, run_id)
    assert record is not None
    assert record.points["train/loss"][1].tolist() == [1.0, 2.0, 3.0]
    assert record.points[keys.RANK_LOSS_SPREAD][1].tolist() == [0.5, 0.0]
    assert record.layers == ("in",)
    assert record.missing_ranks == (2,)


def test_a_run_without_a_record_has_none(client: MlflowClient, run_id: str) -> None:
    assert load_record(client, run_id) is None


def test_a_part_that_is_not_listed_does_not_count(
    client: MlflowClient, run_id: str, tmp_path: Path
) -> None:
    manifest = keep(client, run_id, Manifest("a"), tmp_path, [1.0])
    keep(client, run_id, manifest, tmp_path, [2.0])
    (tmp_path / keys.MANIFEST).write_text(manifest.to_json())
    client.log_artifact(run_id, str(tmp_path / keys.MANIFEST), f"{keys.RECORD}/a")
    record = load_record(client, run_id)
    assert record is not None
    assert record.points["train/loss"][1].tolist() == [1.0]


def test_a_damaged_part_is_refused(client: MlflowClient, run_id: str, tmp_path: Path) -> None:
    manifest = keep(client, run_id, Manifest("a"), tmp_path, [1.0])
    damaged = replace(manifest, parts=(replace(manifest.parts[0], sha256="0" * 64),))
    (tmp_path / keys.MANIFEST).write_text(damaged.to_json())
    client.log_artifact(run_id, str(tmp_path / keys.MANIFEST), f"{keys.RECORD}/a")
    with pytest.raises(HistoryFormatError, match="damaged"):
        load_record(client, run_id)
