from __future__ import annotations

from pathlib import Path

import pytest

from tuneguard.spool.charts import ChartPoint
from tuneguard.spool.outbox import Outbox


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
    monkeypatch.setattr("tuneguard.spool.outbox._IN_MEMORY", 3)
    outbox = Outbox(None)
    outbox.append(points(5))
    assert outbox.dropped == 2
    assert outbox.peek(9) == points(5)[2:]
