"""Runs are seen to end by what MLflow answers."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest
from starlette.types import Message, Receive, Scope, Send

from tuneguard.server.run_ends import RunEnds

UPDATE = "/api/2.0/mlflow/runs/update"


def ask(
    path: str, answer: object, *, status: int = 200, prefix: str = "", report: Any = None
) -> tuple[list[str], bytes]:
    """Send a request through the middleware; return what it reported, and what was answered."""
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    reported: list[str] = []
    sent = bytearray()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": []})
        half = len(body) // 2
        await send({"type": "http.response.body", "body": body[:half], "more_body": True})
        await send({"type": "http.response.body", "body": body[half:]})

    async def send(message: Message) -> None:
        sent.extend(message.get("body", b""))

    async def receive() -> Message:
        return {"type": "http.request"}

    ends = RunEnds(app, report or reported.append, prefix)
    anyio.run(ends, {"type": "http", "path": path}, receive, send)
    assert bytes(sent) == body
    return reported, bytes(sent)


def update(status: str, run_id: object = "abc") -> dict[str, object]:
    return {"run_info": {"run_id": run_id, "status": status, "end_time": 5}}


@pytest.mark.parametrize("path", [UPDATE, "/ajax-api/2.0/mlflow/runs/update"])
@pytest.mark.parametrize("status", ["FINISHED", "FAILED", "KILLED"])
def test_an_end_is_reported(path: str, status: str) -> None:
    assert ask(path, update(status))[0] == ["abc"]


def test_an_end_is_reported_behind_a_prefix() -> None:
    assert ask(f"/ml{UPDATE}", update("FAILED"), prefix="/ml")[0] == ["abc"]
    assert ask(UPDATE, update("FAILED"), prefix="/ml")[0] == []


@pytest.mark.parametrize(
    "answer",
    [
        update("RUNNING"),
        update("FINISHED", run_id=7),
        {"error_code": "PERMISSION_DENIED"},
        [],
        b"not json",
        b"[" * 100_000,
        b'{"run_info": {"run_id": "abc", "status": "FINISHED"}, "x": "' + b"x" * 2_000_000,
    ],
    ids=["running", "odd id", "refused", "list", "no json", "deep", "huge"],
)
def test_another_answer_reports_nothing(answer: object) -> None:
    assert ask(UPDATE, answer)[0] == []


def test_a_refused_request_reports_nothing() -> None:
    assert ask(UPDATE, update("FINISHED"), status=403)[0] == []


def test_another_path_reports_nothing() -> None:
    assert ask("/api/2.0/mlflow/runs/create", update("FINISHED"))[0] == []


def test_a_failure_to_note_it_spoils_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    def fail(run_id: str) -> None:
        raise OSError("the disk is full")

    ask(UPDATE, update("FINISHED"), report=fail)

    assert "abc was not noted" in caplog.text
