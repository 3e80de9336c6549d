"""A training that is killed, terminated, interrupted, or fails."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tuneguard.storage.sync import sync

LAST_SECONDS = 5.0

OPEN_RUN = """
import time
training = new_training()
mlflow.start_run()
guard = TuneGuardCallback(*training)
say(guard.run_id)
for step in range(1000):
    say(time.time())
    train(guard, training, 1, pause=0.1)
"""


STANDING_STILL = """
import time
training = new_training()
guard = TuneGuardCallback(*training)
say(guard.run_id)
train(guard, training, 20)
say("trained")
time.sleep(1000)
"""


def test_an_unhandled_sigterm_costs_nothing_of_a_loop_that_stood_still(
    start: Any, kept: Any, spool_root: Path
) -> None:
    training = start(STANDING_STILL)
    run_id = training._line()
    training.hear("trained")
    time.sleep(LAST_SECONDS)
    training.send_signal(signal.SIGTERM)
    assert training.end() == -signal.SIGTERM
    sync(spool_root)
    found = kept(run_id)
    assert found.recorded == list(range(20))
    assert found.charted == list(range(20))
    assert found.status == "FAILED"


def test_sigkill_costs_five_seconds_at_most(start: Any, kept: Any, spool_root: Path) -> None:
    training = start(OPEN_RUN)
    run_id = training._line()
    moments = [float(training._line()) for _ in range(65)]
    training.send_signal(signal.SIGKILL)
    killed = time.time()
    while (line := training._line()).startswith("1"):
        moments.append(float(line))
    assert line == f"ended {-signal.SIGKILL}"
    assert kept(run_id).status == "RUNNING"
    assert [result.outcome for result in sync(spool_root)] == ["delivered"]
    found = kept(run_id)
    owed = sum(moment < killed - LAST_SECONDS for moment in moments)
    assert owed > 5
    assert found.recorded == list(range(len(found.recorded)))
    assert len(found.recorded) >= owed
    assert found.charted == found.recorded
    assert found.status == "FAILED"


LEAVES_THE_LOOP = """
import signal
asked = []
signal.signal(signal.SIGTERM, lambda *_: asked.append(1))
training = new_training()
with TuneGuardCallback(*training) as guard:
    say(guard.run_id)
    while not asked:
        train(guard, training, 10, pause=0.01)
say(guard._recorder._next)
"""

EXITS = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
training = new_training()
with TuneGuardCallback(*training) as guard:
    say(guard.run_id)
    try:
        train(guard, training, 10_000, pause=0.01)
    finally:
        say(guard._recorder._next)
"""

INTERRUPTED = """
training = new_training()
with TuneGuardCallback(*training) as guard:
    say(guard.run_id)
    try:
        train(guard, training, 10_000, pause=0.01)
    finally:
        say(guard._recorder._next)
"""

FAILS_UNCLOSED = """
training = new_training()
guard = TuneGuardCallback(*training)
say(guard.run_id)
train(guard, training, 30)
say(guard._recorder._next)
raise ZeroDivisionError
"""


@pytest.mark.parametrize(
    ("script", "number", "code", "status"),
    [
        pytest.param(LEAVES_THE_LOOP, signal.SIGTERM, 0, "FINISHED", id="SIGTERM, loop left"),
        pytest.param(EXITS, signal.SIGTERM, 143, "FAILED", id="SIGTERM, exit"),
        pytest.param(INTERRUPTED, signal.SIGINT, -signal.SIGINT, "KILLED", id="Ctrl-C"),
        pytest.param(FAILS_UNCLOSED, None, 1, "FAILED", id="exception, never closed"),
    ],
)
def test_an_end_that_python_sees_costs_nothing(
    start: Any,
    kept: Any,
    spool_root: Path,
    *,
    script: str,
    number: Any,
    code: int,
    status: str,
) -> None:
    training = start(script)
    run_id = training._line()
    if number is not None:
        time.sleep(1.0)
        training.send_signal(number)
    steps = int(training._line())
    assert training.end() == code, training.printed
    found = kept(run_id)
    assert steps >= 10
    assert found.charted == found.recorded == list(range(steps))
    assert found.status == status
    assert not list(spool_root.iterdir())


FIRST_PART = """
training = new_training()
mlflow.start_run(run_id="{run_id}")
guard = TuneGuardCallback(*training, flush_every=10)
train(guard, training, 40)
say("trained")
wait()
"""

SECOND_PART = """
training = new_training()
with mlflow.start_run(run_id="{run_id}"):
    with TuneGuardCallback(*training, flush_every=10, first_step=40) as guard:
        train(guard, training, 30)
"""


def test_a_killed_run_is_complete_when_it_is_resumed(
    start: Any, kept: Any, new_run: str, spool_root: Path
) -> None:
    first = start(FIRST_PART.format(run_id=new_run))
    first.hear("trained")
    time.sleep(1.0)
    first.send_signal(signal.SIGKILL)
    assert first.end() == -signal.SIGKILL
    assert len(list(spool_root.iterdir())) == 1
    assert start(SECOND_PART.format(run_id=new_run)).end() == 0
    assert not list(spool_root.iterdir())
    found = kept(new_run)
    assert found.charted == found.recorded == list(range(70))
    assert found.status == "FINISHED"
