"""Programs that serve while tests run, and end with them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

START_SECONDS = 400.0
"""Against hangs only: nothing is measured by it."""

_GUARDED = 'exec 3<&0 </dev/null; (read -r _ <&3; kill -s "$0" 0) & exec "$@" 3<&-'
"""Ends the program with all its children when nobody holds its input open any more."""


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(
    command: Sequence[str],
    is_up: Callable[[], bool],
    *,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    end: signal.Signals = signal.SIGKILL,
) -> Iterator[None]:
    """Run a program from when it answers until the block ends, its children included.

    It ends as well when this process is killed.

    Args:
        command: What to run.
        is_up: Whether it answers by now.
        folder: Where it runs; what it prints goes to `server.log` there.
        environment: What it finds in its environment beside what this process has.
        end: What ends it at once.
    """
    log = folder / "server.log"
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            ["sh", "-c", _GUARDED, end.name.removeprefix("SIG"), *command],
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait(process, is_up, log)
        yield
    finally:
        _end(process, end)


def _wait(process: subprocess.Popen[bytes], is_up: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not is_up():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args!r} does not serve:\n{log.read_text()}")
        time.sleep(0.1)


def _end(process: subprocess.Popen[bytes], end: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, end)
    process.communicate()
