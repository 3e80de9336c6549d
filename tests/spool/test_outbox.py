from __future__ import annotations

import errno
import io
from pathlib import Path
from typing import Any

import pytest

from tuneguard.spool.charts import ChartPoint
from tuneguard.spool.outbox import Outbox


class FullDisk(io.FileIO):
    """A file on a disk that takes half of what is written."""

    def write(self, data: Any) -> int:
        super().write(bytes(data)[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")


def appended(outbox: Outbox, *batches: list[ChartPoint]) -> Outbox:
    for batch in batches:
        outbox.append(batch)
    return outbox


def one_by_one(batch: list[ChartPoint]) -> list[list[ChartPoint]]:
    return [[point] for point in batch]


def points(count: int) -> list[ChartPoint]:
    return [ChartPoint("a/b", step, 1000 + step, 0.1 * step) for step in range(count)]


@pytest.mark.parametrize("is_on_disk", [True, False])
def test_points_leave_the_outbox_once(tmp_path: Path, is_on_disk: bool) -> None:
    outbox = Outbox(tmp_path if is_on_disk else None)
    assert outbox.is_empty
    appended(outbox, *one_by_one(points(5)))
    assert outbox.peek(2) == outbox.peek(2) == points(2)
    outbox.confirm()
    assert outbox.peek(9) == points(5)[2:]
    outbox.confirm()
    assert outbox.peek(9) == []
    assert outbox.is_empty


def test_a_line_is_given_out_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tuneguard.spool.outbox.LINE_POINTS", 3)
    outbox = appended(Outbox(tmp_path), points(7))
    assert len((tmp_path / "outbox.jsonl").read_bytes().splitlines()) == 3
    given = []
    while batch := outbox.peek(4):
        given.append(batch)
        outbox.confirm()
    assert given == [points(3), points(7)[3:]]


def test_what_was_in_memory_is_written_down_when_there_is_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "later"
    outbox = appended(Outbox(folder), points(2))
    assert outbox.write_down() == 2
    folder.mkdir()
    assert outbox.write_down() == 0
    assert Outbox(folder).peek(9) == points(2)


def test_the_outbox_outlives_the_process(tmp_path: Path) -> None:
    outbox = appended(Outbox(tmp_path), *one_by_one(points(3)))
    outbox.peek(1)
    outbox.confirm()
    with (tmp_path / "outbox.jsonl").open("a") as file:
        file.write('[["cut", 1')
    assert Outbox(tmp_path).peek(9) == points(3)[1:]


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tuneguard.spool.outbox._IN_MEMORY", 3)
    outbox = Outbox(None)
    outbox.append(points(5))
    assert outbox.dropped == 2
    assert outbox.peek(9) == points(5)[2:]


def test_a_line_that_a_full_disk_cut_short_keeps_nothing_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = Outbox(tmp_path)
    outbox.append(points(2))
    whole = (tmp_path / "outbox.jsonl").read_bytes()

    def full(*_: object, **__: object) -> FullDisk:
        return FullDisk(tmp_path / "outbox.jsonl", "ab")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        outbox.append(points(4)[2:])
    assert (tmp_path / "outbox.jsonl").read_bytes() == whole
    outbox.append(points(6)[4:])
    found = []
    while given := outbox.peek(3):
        found += given
        outbox.confirm()
    assert sorted(found) == sorted(points(6))
    assert outbox.dropped == 0


@pytest.mark.parametrize("broken", ['[["a/b", 2, 10[["a/b", 3, 4, 5]]', "7", "\N{SNOWMAN}", ""])
@pytest.mark.parametrize("after", [0, 2])
def test_a_broken_line_is_passed_over_and_counted(tmp_path: Path, broken: str, after: int) -> None:
    outbox = Outbox(tmp_path)
    appended(outbox, *one_by_one(points(2)))
    with (tmp_path / "outbox.jsonl").open("a", encoding="utf-8") as file:
        file.write(f"{broken}\n")
    appended(outbox, *one_by_one(points(after)))
    found = []
    while given := outbox.peek(1):
        assert outbox.peek(1) == given
        found += given
        outbox.confirm()
    outbox.confirm()
    assert found == points(2) + points(after)
    assert outbox.dropped == 1
    assert outbox.peek(1) == []
