from __future__ import annotations

import errno
import math
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tuneguard import keys
from tuneguard.spool import held_parts, record_writer
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


@contextmanager
def full_disk() -> Iterator[None]:
    """Let every write to a file fail, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def fill(writer: RecordWriter, *steps: int) -> None:
    for step in steps:
        with pytest.raises(OSError, match=rf"\[Errno {errno.EFBIG}\]"):
            writer.append(batch(step))


def recorded(spool: Spool) -> list[int]:
    tables = [pq.read_table(spool.folder / part.name) for part in spool.manifest.parts]
    return [step for table in tables for step in table.column("step").to_pylist()]


def test_a_full_disk_that_is_freed_costs_nothing(spool: Spool) -> None:
    writer = RecordWriter(spool)
    writer.append(batch(0))
    with full_disk():
        fill(writer, 1, 2)
    writer.append(batch(3))
    writer.finish()
    assert recorded(spool) == [0, 1, 2, 3]
    assert spool.manifest.steps == 4
    assert not spool.segments()


def test_what_a_full_disk_does_not_take_is_held(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_writer, "HELD_ROWS", 2)
    writer = RecordWriter(spool)
    writer.append(batch(0))
    with full_disk():
        fill(writer, 1, 2, 3)
        writer.finish()
    held = []
    while (part := spool.held.first()) is not None:
        table = pq.read_table(pa.BufferReader(part.content))
        held.append((part.part.name, table.column("step").to_pylist(), part.steps))
        spool.held.remove(part)
    assert sorted(held) == [
        ("part-00001.parquet", [0], 1),
        ("part-00002.parquet", [1, 2], 2),
        ("part-00003.parquet", [3], 1),
    ]
    assert not spool.segments()


def test_what_is_held_is_written_down_when_there_is_space(spool: Spool) -> None:
    writer = RecordWriter(spool)
    with full_disk():
        fill(writer, 0)
        writer.cut()
        writer._hold_waiting()
    assert spool.write_down() == 0
    assert recorded(spool) == [0]
    assert spool.held.dropped == 0


def test_memory_is_bounded_and_what_gives_way_is_counted(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_writer, "HELD_ROWS", 1)
    monkeypatch.setattr(held_parts, "HELD_BYTES", 6000)
    writer = RecordWriter(spool)
    with full_disk():
        fill(writer, *range(20))
    assert len(spool.held) + spool.held.dropped == 20
    assert spool.held.dropped > 0
    assert spool.held.first().part.name == f"part-{spool.held.dropped + 1:05d}.parquet"


def test_values_that_cannot_be_encoded_do_not_keep_the_others(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = RecordWriter(spool)
    writer.append(batch(0))
    with monkeypatch.context() as patch:
        patch.setattr(Columns, "to_arrow", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            writer.append(batch(1))
    writer.append(batch(2))
    writer.finish()
    assert recorded(spool) == [0, 2]


def test_a_spool_that_is_deleted_is_counted(spool: Spool) -> None:
    writer = RecordWriter(spool)
    writer.append(batch(0))
    shutil.rmtree(spool.folder)
    writer.finish()
    assert writer.dropped == 1
