"""What waits is examined, what was missed is found, and nothing twice."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tuneguard.server import desk as desk_module
from tuneguard.server import waiting_runs
from tuneguard.server.desk import Books, Desk
from tuneguard.server.examined_marks import ExaminedMarks
from tuneguard.server.examiner_process import ExaminerError
from tuneguard.server.failed_diagnoses import FailedDiagnoses
from tuneguard.server.settings import Settings
from tuneguard.server.waiting_runs import WaitingRuns


class Examiner:
    """Answers what a test tells it to, and remembers what it was asked."""

    def __init__(self, places: Mapping[str, Any], lock: object) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answer: Any = {"outcome": "written", "mark": "m1"}

    def ask(self, request: dict[str, Any], timeout: float) -> Any:
        self.asked.append({**request, "timeout": timeout})
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def close(self, *, at_once: bool = False) -> None:
        self.answer = ExaminerError("it died")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    oldest = WaitingRuns.oldest
    monkeypatch.setattr(
        waiting_runs.WaitingRuns, "oldest", lambda self, without: oldest(self, without, 0)
    )
    monkeypatch.setattr(desk_module, "ExaminerProcess", Examiner)


@pytest.fixture
def books(tmp_path: Path) -> Books:
    return Books(
        WaitingRuns(tmp_path / "waiting", 10),
        FailedDiagnoses(tmp_path / "failed"),
        ExaminedMarks(tmp_path / "marks.json"),
    )


def desk_with(books: Books, tmp_path: Path) -> tuple[Desk, Examiner]:
    with (tmp_path / "lock").open("ab") as lock:
        desk = Desk(Settings("sqlite:///x", tmp_path, timeout=7), {}, lock, books)
    examiner = desk._examiner
    assert isinstance(examiner, Examiner)
    return desk, examiner


def test_a_run_is_examined_and_then_waits_no_longer(books: Books, tmp_path: Path) -> None:
    desk, examiner = desk_with(books, tmp_path)
    books.waiting.put("a")

    assert desk.examine_next()
    assert not desk.examine_next()
    request = {"do": "examine", "run_id": "a", "mark": None, "traces": True, "timeout": 7}
    assert examiner.asked == [request]
    assert books.marks.of("a") == "m1"
    assert books.in_work == set()


def test_two_desks_do_not_examine_the_same_run(books: Books) -> None:
    books.waiting.put("a")
    first = books.take()
    books.waiting.put("a")

    assert first is not None
    assert books.take() is None
    books.put_back(first, is_done=True)
    assert books.take() is not None


def test_a_failure_is_noted_and_logged_once(
    books: Books, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    desk, examiner = desk_with(books, tmp_path)
    for answer in ({"problem": "no right"}, {"problem": "no right"}, ExaminerError("no right")):
        examiner.answer = answer
        books.waiting.put("a")
        desk.examine_next()

    failed = books.failed.of("a")
    assert failed is not None
    assert failed.attempts == 3
    assert caplog.text.count("a was not diagnosed: no right") == 1
    examiner.answer = {"outcome": "written", "mark": "m1"}
    books.waiting.put("a")
    desk.examine_next()
    assert books.failed.of("a") is None


def test_what_a_stopping_server_cannot_end_goes_on_waiting(books: Books, tmp_path: Path) -> None:
    desk, _ = desk_with(books, tmp_path)
    books.waiting.put("a")
    desk.leave()
    desk.examine_next()

    assert "a" in books.waiting
    assert books.failed.of("a") is None


def sweep(desk: Desk, examiner: Examiner, *runs: list[object]) -> None:
    examiner.answer = {"runs": list(runs), "seconds": 0.5}
    desk.sweep()


def test_a_sweep_finds_what_was_never_examined(books: Books, tmp_path: Path) -> None:
    desk, examiner = desk_with(books, tmp_path)
    sweep(desk, examiner, ["a", "m1", False])

    assert "a" in books.waiting
    (request,) = examiner.asked
    assert request["since"] == pytest.approx(time.time() * 1000 - 7 * 86_400_000, abs=60_000)


def test_a_sweep_finds_a_metric_that_was_logged_late(books: Books, tmp_path: Path) -> None:
    desk, examiner = desk_with(books, tmp_path)
    books.marks.keep("a", "m1")
    sweep(desk, examiner, ["a", "m1", True])
    assert "a" not in books.waiting

    sweep(desk, examiner, ["a", "m2", True])
    assert "a" in books.waiting


def test_a_sweep_lets_a_review_stand_that_a_person_wrote(books: Books, tmp_path: Path) -> None:
    desk, examiner = desk_with(books, tmp_path)
    sweep(desk, examiner, ["a", "m1", True])

    assert "a" not in books.waiting
    assert ExaminedMarks(tmp_path / "marks.json").of("a") == "m1"


def test_a_sweep_leaves_a_failure_its_pause(books: Books, tmp_path: Path) -> None:
    desk, examiner = desk_with(books, tmp_path)
    books.failed.note("a", "no right")
    sweep(desk, examiner, ["a", "m1", False])

    assert "a" not in books.waiting


def test_a_sweep_that_fails_is_logged_and_changes_nothing(
    books: Books, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    desk, examiner = desk_with(books, tmp_path)
    books.marks.keep("a", "m1")
    examiner.answer = {"problem": "no store"}
    desk.sweep()

    assert "no store" in caplog.text
    assert books.marks.of("a") == "m1"


def test_marks_that_cannot_be_read_are_none(tmp_path: Path) -> None:
    (tmp_path / "marks.json").write_text("[1")
    assert ExaminedMarks(tmp_path / "marks.json").of("a") is None
    (tmp_path / "marks.json").write_text("[1]")
    assert ExaminedMarks(tmp_path / "marks.json").of("a") is None
