"""A queue of runs in a folder, which several workers share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuneguard.server.waiting_runs import WaitingRuns


@pytest.fixture
def waiting(tmp_path: Path) -> WaitingRuns:
    return WaitingRuns(tmp_path / "waiting", 3)


def test_a_run_waits_once_however_many_workers_saw_it_end(
    waiting: WaitingRuns, tmp_path: Path
) -> None:
    another_worker = WaitingRuns(tmp_path / "waiting", 3)

    assert waiting.put("a1")
    assert another_worker.put("a1")

    assert len(waiting) == 1
    assert "a1" in another_worker


def test_runs_are_returned_in_the_order_in_which_they_came(waiting: WaitingRuns) -> None:
    for run_id in ("b", "a", "c"):
        waiting.put(run_id)
    order = []
    while (run := waiting.oldest(settling=0)) is not None:
        order.append(run.run_id)
        waiting.done(run)

    assert order == ["b", "a", "c"]


def test_a_run_settles_before_it_is_returned(waiting: WaitingRuns) -> None:
    waiting.put("a")

    assert waiting.oldest(settling=60) is None
    assert waiting.oldest(settling=0) is not None


def test_a_run_waits_until_it_is_done(waiting: WaitingRuns, tmp_path: Path) -> None:
    waiting.put("a")
    run = waiting.oldest(settling=0)

    assert run is not None
    assert WaitingRuns(tmp_path / "waiting", 3).oldest(settling=0) == run
    waiting.done(run)
    waiting.done(run)
    assert "a" not in waiting


def test_a_run_that_ended_again_meanwhile_goes_on_waiting(waiting: WaitingRuns) -> None:
    waiting.put("a")
    run = waiting.oldest(settling=0)
    assert run is not None
    waiting.put("a")
    waiting.done(run)

    assert "a" in waiting


def test_one_that_is_being_examined_is_left_out(waiting: WaitingRuns) -> None:
    waiting.put("a")
    waiting.put("b")

    run = waiting.oldest(without={"a"}, settling=0)

    assert run is not None
    assert run.run_id == "b"


def test_no_more_wait_than_there_is_place_for(waiting: WaitingRuns) -> None:
    assert all(waiting.put(run_id) for run_id in ("a", "b", "c"))

    assert not waiting.put("d")
    assert waiting.put("a")
    assert len(waiting) == 3


@pytest.mark.parametrize("text", ["../escaped", "", ".", "a/b", "a" * 300, "nul\0", "a\n"])
def test_what_is_no_run_id_never_becomes_a_file(
    waiting: WaitingRuns, tmp_path: Path, text: str
) -> None:
    assert not waiting.put(text)
    assert text not in waiting
    assert [path.name for path in tmp_path.rglob("*")] == ["waiting"]
