from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from tuneguard import keys
from tuneguard.exceptions import HistoryFormatError
from tuneguard.storage.charts import ChartPoint
from tuneguard.storage.columns import Columns
from tuneguard.storage.manifest import Manifest, new_recorder_id
from tuneguard.storage.outbox import Outbox
from tuneguard.storage.record_writer import RecordWriter, compact, recover
from tuneguard.storage.segments import Segment, read_segment
from tuneguard.storage.spool import Spool, Ticket, open_spool, spool_folders, spool_root


def batch(step: int, key: str = keys.TRAIN_LOSS) -> Columns:
    return Columns.from_rows([(key, step, 1000 + step, step / 2)])


@pytest.fixture
def spool(spool_root: Path) -> Iterator[Spool]:
    spool = Spool.create(spool_root, Ticket("sqlite:///x.db", "run"), Manifest("recorder"))
    yield spool
    spool.release()


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
    monkeypatch.setattr("tuneguard.storage.record_writer.PART_BYTES", 10)
    assert writer.is_due
    monkeypatch.undo()
    monkeypatch.setattr("tuneguard.storage.record_writer.PART_SECONDS", 0.0)
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


def test_a_spool_in_use_is_left_alone(spool: Spool) -> None:
    assert Spool.take_over(spool.folder) is None
    beside = Spool.create(spool.folder.parent, spool.ticket, Manifest("other"))
    assert beside.is_recorded_beside("recorder")
    assert not beside.is_recorded_beside("other")
    assert not beside.is_recorded_beside("gone")
    spool.release()
    assert not beside.is_recorded_beside("recorder")
    beside.release()


def test_recorders_at_once_have_numbers(spool: Spool) -> None:
    def opened(run_id: str | None = "run") -> Spool:
        manifest = Manifest(new_recorder_id())
        return open_spool(spool.folder.parent, Ticket("sqlite:///x.db", run_id), manifest)

    second, third = opened(), opened()
    elsewhere, nowhere = opened("other run"), opened(None)
    second.release()
    again = opened()
    alone = [spool, elsewhere, nowhere]
    assert [one.manifest.beside for one in (second, third, again)] == [1, 2, 1]
    assert [one.manifest.beside for one in alone] == [0, 0, 0]
    for one in (third, elsewhere, nowhere, again):
        one.release()


def test_a_removed_spool_leaves_nothing(spool: Spool) -> None:
    assert list(spool_folders(spool.folder.parent)) == [spool.folder]
    spool.remove()
    assert list(spool_folders(spool.folder.parent)) == []
    assert not spool.folder.exists()


def test_a_damaged_ticket_is_said_to_be_one(spool: Spool) -> None:
    spool.release()
    (spool.folder / "run.json").write_text('{"nothing": 1}')
    with pytest.raises(HistoryFormatError, match=r"run\.json"):
        Spool.take_over(spool.folder)


def test_without_a_disk_the_manifest_lives_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    spool = open_spool(tmp_path / "file", Ticket("uri", None), Manifest("recorder"))
    assert spool.folder is None
    assert "only charts" in caplog.text
    spool.change_manifest(steps=5)
    assert spool.manifest.steps == 5
    with pytest.raises(OSError, match="no spool"):
        RecordWriter(spool).append(batch(0))


def test_where_spools_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert spool_root(tmp_path) == tmp_path
    assert spool_root() == tmp_path / "spool"
    monkeypatch.delenv("TUNEGUARD_SPOOL")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert spool_root() == tmp_path / "tuneguard" / "spool"


def points(count: int) -> list[ChartPoint]:
    return [ChartPoint("a/b", step, 1000 + step, 0.1 * step) for step in range(count)]


@pytest.mark.parametrize("is_on_disk", [True, False])
def test_points_leave_the_outbox_once(tmp_path: Path, is_on_disk: bool) -> None:
    outbox = Outbox(tmp_path if is_on_disk else None)
    outbox.append(points(5))
    assert outbox.peek(2) == outbox.peek(2) == points(2)
    outbox.confirm()
    assert outbox.peek(9) == points(5)[2:]
    outbox.confirm()
    assert outbox.peek(9) == []


def test_the_outbox_outlives_the_process(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.append(points(3))
    outbox.peek(1)
    outbox.confirm()
    with (tmp_path / "outbox.jsonl").open("a") as file:
        file.write('["cut", 1')
    assert Outbox(tmp_path).peek(9) == points(3)[1:]


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tuneguard.storage.outbox._IN_MEMORY", 3)
    outbox = Outbox(None)
    outbox.append(points(5))
    assert outbox.dropped == 2
    assert outbox.peek(9) == points(5)[2:]
