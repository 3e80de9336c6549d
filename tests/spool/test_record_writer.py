from __future__ import annotations

import math
from pathlib import Path

import pytest

from tuneguard import keys
from tuneguard.spool.columns import Columns
from tuneguard.spool.record_writer import RecordWriter, compact, recover
from tuneguard.spool.segments import Segment, read_segment
from tuneguard.spool.spool_folder import Spool


def batch(step: int, key: str = keys.TRAIN_LOSS) -> Columns:
    return Columns.from_rows([(key, step, 1000 + step, step / 2)])


def test_a_segment_is_readable_wherever_it_was_cut(tmp_path: Path) -> None:
    path = tmp_path / "segment.arrow"
    segment = Segment(path)
    segment.append(batch(0))
    segment.append(batch(1, "later/key"))
    whole = path.read_bytes()
    segment.append(Columns.from_rows([("third", 2, 0, math.nan)]))
    segment.close()
    assert read_segment(path).keys == (keys.TRAIN_LOSS, "later/key", "third")
    path.write_bytes(path.read_bytes()[: len(whole) + 40])
    assert read_segment(path).steps.tolist() == [0, 1]
    for size in (0, 3, 200):
        path.write_bytes(whole[:size])
        assert len(read_segment(path)) == 0


def test_parts_are_cut_entered_and_made_one(spool: Spool) -> None:
    writer = RecordWriter(spool)
    for step in range(3):
        writer.append(batch(step))
        writer.cut()
    assert [part.rows for part in spool.manifest.parts] == [1, 1, 1]
    assert not list(spool.folder.glob("*.arrow"))
    compact(spool)
    assert [(part.name, part.rows) for part in spool.manifest.parts] == [("part-00004.parquet", 3)]
    assert spool.manifest.steps == 3
    assert spool.manifest.bytes_per_step > 0


def test_a_part_is_due_when_it_is_large_or_old(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = RecordWriter(spool)
    assert not writer.is_due
    writer.append(batch(0))
    assert not writer.is_due
    monkeypatch.setattr("tuneguard.spool.record_writer.PART_BYTES", 10)
    assert writer.is_due
    monkeypatch.undo()
    monkeypatch.setattr("tuneguard.spool.record_writer.PART_SECONDS", 0.0)
    assert writer.is_due


def test_what_a_killed_process_left_is_recovered(spool: Spool) -> None:
    writer = RecordWriter(spool)
    writer.append(batch(0))
    spool.release()
    heir = Spool.take_over(spool.folder)
    recover(heir)
    recover(heir)
    assert [part.rows for part in heir.manifest.parts] == [1]
    assert heir.ticket.run_id == "run"
    heir.release()
