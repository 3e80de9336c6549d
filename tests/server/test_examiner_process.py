"""An examiner is asked, given up, and started again."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tuneguard.server import examiner_process
from tuneguard.server.examiner_process import (
    ExaminerError,
    ExaminerProcess,
    ExaminerStartingError,
)

PROGRAM = """
import json, os, sys, time
places = json.loads(sys.stdin.readline())
while places["artifacts"] and os.path.exists(places["artifacts"]):
    time.sleep(0.01)
print("ready", flush=True)
for line in sys.stdin:
    request = json.loads(line)
    if request["do"] == "die":
        os._exit(7)
    if request["do"] == "sleep":
        time.sleep(600)
    print(json.dumps({"pid": os.getpid(), "store": places["store"]}), flush=True)
"""


@pytest.fixture
def examiner(monkeypatch: pytest.MonkeyPatch) -> Iterator[ExaminerProcess]:
    monkeypatch.setattr(examiner_process, "COMMAND", (sys.executable, "-c", PROGRAM))
    process = ExaminerProcess({"store": "sqlite:///x", "artifacts": None})
    yield process
    process.close(at_once=True)


def test_it_is_told_where_it_is_and_answers_again_and_again(examiner: ExaminerProcess) -> None:
    answers = [examiner.ask({"do": "work"}, 60) for _ in range(3)]

    assert {answer["store"] for answer in answers} == {"sqlite:///x"}
    assert len({answer["pid"] for answer in answers}) == 1


def test_one_that_takes_too_long_is_ended_and_replaced(examiner: ExaminerProcess) -> None:
    before = examiner.ask({"do": "work"}, 60)["pid"]
    with pytest.raises(ExaminerError, match=r"longer than 0\.1 seconds"):
        examiner.ask({"do": "sleep"}, 0.1)

    assert examiner.ask({"do": "work"}, 60)["pid"] != before
    with pytest.raises(ProcessLookupError):
        os.kill(before, 0)


def test_one_that_dies_says_so_and_is_replaced(examiner: ExaminerProcess) -> None:
    with pytest.raises(ExaminerError, match="exit code 7"):
        examiner.ask({"do": "die"}, 60)

    assert "pid" in examiner.ask({"do": "work"}, 60)


def test_closing_ends_it(examiner: ExaminerProcess) -> None:
    process = examiner.ask({"do": "work"}, 60)["pid"]
    examiner.close()
    examiner.close()

    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_one_that_is_not_ready_yet_is_left_to_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(examiner_process, "COMMAND", (sys.executable, "-c", PROGRAM))
    busy = tmp_path / "busy"
    busy.touch()
    examiner = ExaminerProcess({"store": "sqlite:///x", "artifacts": str(busy)})
    process = examiner.start()
    with monkeypatch.context() as patched:
        patched.setattr(examiner_process, "START_SECONDS", 0.01)
        with pytest.raises(ExaminerStartingError):
            examiner.ask({"do": "work"}, 60)
    busy.unlink()

    assert examiner.ask({"do": "work"}, 60)["pid"] == process.pid
    examiner.close()
