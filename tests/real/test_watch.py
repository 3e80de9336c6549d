"""A run on a real server, watched in a real terminal while it trains."""

from __future__ import annotations

import fcntl
import math
import os
import pty
import select
import struct
import termios
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric

from tests.real.harness.command import PATIENCE_SECONDS, SCRIPT

ROWS_AND_COLUMNS = struct.pack("HHHH", 40, 110, 0, 0)
STEPS = 300


class Training:
    """A run of which the second half waits until somebody watches."""

    def __init__(self, uri: str) -> None:
        self.client = MlflowClient(uri)
        self.run_id = self.client.create_run("0", run_name="\x1b[2Jresnet").info.run_id
        self.is_watched = threading.Event()

    def train(self) -> None:
        for first in range(0, STEPS, 30):
            now = int(time.time() * 1000)
            points = [
                Metric(key, value, now, step)
                for step in range(first, first + 30)
                for key, value in losses(step).items()
            ]
            self.client.log_batch(self.run_id, metrics=points)
            if first >= STEPS // 2:
                self.is_watched.wait(PATIENCE_SECONDS)
                time.sleep(1.5)
        self.client.set_terminated(self.run_id)


@pytest.fixture
def training(sqlite_server):
    training = Training(sqlite_server)
    trainer = threading.Thread(target=training.train, daemon=True)
    trainer.start()
    yield training
    training.is_watched.set()
    trainer.join()


def losses(step):
    wobble = 0.01 * math.sin(7.0 * step)
    losses = {"train/loss": 2.0 * math.exp(-step / 30.0) + 0.02 + wobble / 10.0}
    if step % 5 == 4:
        losses["validation/loss"] = (
            0.6 + 1.6 * math.exp(-step / 20.0) + 0.01 * max(0, step - 80) + wobble
        )
    return losses


def in_a_terminal(*command: str, folder: Path, heard: Callable[[str], None]) -> tuple[str, int]:
    """Run a command in a terminal of its own, and return what it wrote and its exit code.

    Args:
        *command: What to run.
        folder: Where it runs.
        heard: Called with all that was written, whenever that is more.
    """
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.environ["TERM"] = "xterm-256color"
        os.execv(command[0], command)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, ROWS_AND_COLUMNS)
    written, deadline = b"", time.monotonic() + PATIENCE_SECONDS
    with suppress(OSError):  # what Linux says where the other side of a terminal is closed
        while time.monotonic() < deadline:
            if select.select([terminal], [], [], 1.0)[0]:
                written += os.read(terminal, 65536)
                heard(written.decode(errors="ignore"))
    _, status = os.waitpid(process, 0)
    os.close(terminal)
    return written.decode(), os.waitstatus_to_exitcode(status)


def test_a_run_is_watched_in_a_terminal_until_it_ends(sqlite_server, training, tmp_path):
    def heard(text: str) -> None:
        if "Looked at" in text:
            training.is_watched.set()

    command = (str(SCRIPT), "watch", training.run_id, "--interval", "1")
    options = ("--tracking-uri", sqlite_server)
    screen, code = in_a_terminal(*command, *options, folder=tmp_path, heard=heard)

    assert code == 1
    plain = screen.replace("\x1b[0m", "").replace("\x1b[1m", "")
    assert "[2Jresnet  running" in plain
    assert "\x1b[2J" not in screen
    for part in ("validation loss", "█", "steps/s", "Overfitting (TG101)", "Try first:"):
        assert part in plain
    assert "Passed" in plain[plain.rindex("Overfitting since step") :]
