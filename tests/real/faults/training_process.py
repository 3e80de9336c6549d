"""Training processes for the tests: a process that has torch loaded forks one for each script.

A line on standard input is a JSON document with the script's `code`, its `environment`, and the
file for what it prints as `log`. On standard output come the process id of the script, what it
says, and at last how it ended, as `subprocess` counts it.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any


def prepare() -> dict[str, Any]:
    """Load what every script needs, and let delivery go at the pace of a test."""
    import mlflow
    import torch

    from tuneguard.recording import TuneGuardCallback
    from tuneguard.storage import delivery_thread

    torch.set_num_threads(1)
    # the first step of an optimizer loads a thousand modules more
    torch.optim.SGD([torch.nn.Parameter(torch.ones(1))]).step()
    delivery_thread.HOLD_SECONDS = 0.2
    delivery_thread.INTERVAL_SECONDS = 0.2
    delivery_thread.SHARE = 1.0
    delivery_thread._LAST_ATTEMPTS = (0.0, 0.5, 1.0)

    def train(
        guard: TuneGuardCallback, training: tuple[Any, Any], steps: int, pause: float = 0.0
    ) -> None:
        import time

        model, optimizer = training
        for _ in range(steps):
            optimizer.zero_grad()
            loss = model(torch.ones(4, 6)).square().mean()
            loss.backward()
            guard.on_after_backward(loss)
            optimizer.step()
            time.sleep(pause)

    def new_training() -> tuple[Any, Any]:
        model = torch.nn.Linear(6, 2)
        return model, torch.optim.SGD(model.parameters(), lr=0.01)

    return {
        "__name__": "__main__",
        "mlflow": mlflow,
        "torch": torch,
        "TuneGuardCallback": TuneGuardCallback,
        "train": train,
        "new_training": new_training,
        "say": lambda word: os.write(1, f"{word}\n".encode()),
        "wait": lambda: os.read(0, 100),
    }


def serve() -> dict[str, Any]:
    """Fork a process for each script, and return what it asks for in the fork."""
    while True:
        line = os.read(0, 1 << 20)
        if not line:
            sys.exit()
        script: dict[str, Any] = json.loads(line)
        process = os.fork()
        if process == 0:
            return script
        os.write(1, f"{process}\n".encode())
        _, status = os.waitpid(process, 0)
        os.write(1, f"ended {os.waitstatus_to_exitcode(status)}\n".encode())


if __name__ == "__main__":
    names = prepare()
    os.write(1, b"ready\n")
    asked = serve()
    os.environ.update(asked["environment"])
    log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 2)
    exec(asked["code"], names)
