"""A process that examines runs for the server: asked over a pipe, given up after a time.

It says first that it is ready, in a line of its own, and then answers line by line.

What takes long or memory happens there and not in MLflow's server: reading histories, judging,
drawing. It ends with its parent, and its death or silence costs one answer.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, Any, Final

_SINGLE_THREADED: Final = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
_FAREWELL_SECONDS: Final = 5.0
START_SECONDS: Final = 55.0
"""Less than proxies wait for a page: importing takes seconds, and more on a busy machine."""

COMMAND: Final = (sys.executable, "-m", "tuneguard.server.examiner")


class ExaminerError(Exception):
    """No answer came. The message says why."""


class ExaminerStartingError(ExaminerError):
    """The process is not ready yet: it may answer the next time."""


class ExaminerProcess:
    """One examiner, started when it is first asked and again after it was given up.

    Args:
        places: What it needs to know of the server: `store`, `artifacts`, and `niceness` where
            somebody waits for it.
        lock: A lock that it holds together with this process, so that nobody takes it over while
            it may still write.
    """

    def __init__(self, places: Mapping[str, str | None], lock: IO[bytes] | None = None) -> None:
        self._places = dict(places)
        self._lock = lock
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._is_ready = False

    def ask(self, request: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        """Send a request, and wait for the answer.

        Args:
            request: What to do, as JSON can spell it.
            timeout: Seconds to wait; then the examiner is ended. Until it is ready, it has
                `START_SECONDS`, and goes on afterwards.

        Raises:
            ExaminerStartingError: The process is not ready yet.
            ExaminerError: It was given up, or it died.
        """
        process = self.start()
        try:
            if not self._is_ready:
                self._is_ready = bool(self._line(process, START_SECONDS))
        except queue.Empty:
            raise ExaminerStartingError("the process for it is still starting") from None
        try:
            self._tell(process, request)
            answer: dict[str, Any] = json.loads(self._line(process, timeout))
        except queue.Empty:
            self.close(at_once=True)
            raise ExaminerError(f"it took longer than {timeout:g} seconds") from None
        except OSError:
            raise self._death(process) from None
        return answer

    def _line(self, process: subprocess.Popen[bytes], timeout: float) -> bytes:
        line = self._answers.get(timeout=timeout)
        if not line:
            raise self._death(process)
        return line

    def _death(self, process: subprocess.Popen[bytes]) -> ExaminerError:
        self.close(at_once=True)
        return ExaminerError(
            f"the process died with exit code {process.returncode}; "
            "look into the server's log, and for a lack of memory"
        )

    def close(self, *, at_once: bool = False) -> None:
        """End the process.

        Args:
            at_once: Whether to leave it no time.
        """
        process, self._process = self._process, None
        if process is None or process.stdin is None:
            return
        with suppress(OSError):
            process.stdin.close()
        if at_once:
            process.kill()
        try:
            process.wait(_FAREWELL_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def start(self) -> subprocess.Popen[bytes]:
        """Start the process, unless it is there; it is ready seconds later."""
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        self._answers, self._is_ready = queue.SimpleQueue(), False
        self._process = subprocess.Popen(  # noqa: S603 - a command of our own
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | _SINGLE_THREADED,
            pass_fds=() if self._lock is None or os.name == "nt" else (self._lock.fileno(),),
        )
        threading.Thread(
            target=_listen, args=(self._process, self._answers), daemon=True, name="examiner"
        ).start()
        self._tell(self._process, self._places)
        return self._process

    @staticmethod
    def _tell(process: subprocess.Popen[bytes], message: Mapping[str, Any]) -> None:
        if process.stdin is None:
            return
        process.stdin.write(json.dumps(message).encode() + b"\n")
        process.stdin.flush()


def _listen(process: subprocess.Popen[bytes], answers: queue.SimpleQueue[bytes]) -> None:
    if process.stdout is None:
        return
    with process.stdout:
        for line in process.stdout:
            answers.put(line)
    answers.put(b"")
