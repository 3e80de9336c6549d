"""Sees runs end: MLflow has no hook for that, but every client tells the server."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any, Final

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ENDED: Final = frozenset({"FINISHED", "FAILED", "KILLED"})

_UPDATES: Final = ("/api/2.0/mlflow/runs/update", "/ajax-api/2.0/mlflow/runs/update")
_LARGEST_ANSWER: Final = 1_000_000

_logger = logging.getLogger(__name__)


class RunEnds:
    """Middleware that reports each run whose end the server has just stored.

    It reads what MLflow answered, not what was asked: a request that MLflow refused reports
    nothing. The answer goes out first.

    Args:
        app: What answers.
        report: Called in a thread with the id of a run that has ended.
        prefix: Path in front of MLflow's own (`--static-prefix`).
    """

    def __init__(self, app: ASGIApp, report: Callable[[str], object], prefix: str = "") -> None:
        self.app = app
        self._report = report
        self._paths = frozenset(f"{prefix}{path}" for path in _UPDATES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and look at the answer where it is to an update of a run."""
        if scope["type"] != "http" or scope["path"] not in self._paths:
            await self.app(scope, receive, send)
            return
        answer = _Answer(send)
        await self.app(scope, receive, answer.send)
        run_id = ended_run(answer.status, bytes(answer.body))
        if run_id is not None:
            try:
                await anyio.to_thread.run_sync(self._report, run_id)
            except Exception:  # the request was answered, and the sweep will find the run
                _logger.warning("The end of run %s was not noted", run_id, exc_info=True)


class _Answer:
    """Keeps a copy of an answer while it is sent."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        self.body = bytearray()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif len(self.body) <= _LARGEST_ANSWER:
            self.body += message.get("body", b"")
        await self._send(message)


def ended_run(status: int, body: bytes) -> str | None:
    """Return the id of the run that an answer to `runs/update` says has ended.

    >>> ended_run(200, b'{"run_info": {"run_id": "abc", "status": "KILLED"}}')
    'abc'
    >>> ended_run(200, b'{"run_info": {"run_id": "abc", "status": "RUNNING"}}') is None
    True
    """
    if status != 200:
        return None
    try:
        info: Any = json.loads(body)["run_info"]
        run_id, state = info["run_id"], info["status"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return run_id if state in ENDED and isinstance(run_id, str) else None
