"""The server goes away, is slow, is busy, or refuses."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tuneguard.storage.sync import sync

THREE_PARTS = """
training = new_training()
with TuneGuardCallback(*training, flush_every=5) as guard:
    say(guard.run_id)
    for _ in range(3):
        train(guard, training, 20, pause=0.01)
        say("trained")
        wait()
say("closed")
"""

RECORDED = """
training = new_training()
with TuneGuardCallback(*training, flush_every=5, run_id="{run_id}") as guard:
    train(guard, training, 40, pause=0.05)
say("closed")
"""


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60.0
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_server_that_is_killed_and_restarted_costs_nothing(
    server: Any, start: Any, kept: Any, spool_root: Path
) -> None:
    training = start(THREE_PARTS)
    run_id = training._line()
    training.hear("trained")
    server.kill()
    training.go_on()
    training.hear("trained")
    server.start()
    wait_for(lambda: len(kept(run_id).charted) == 40)
    training.go_on()
    training.hear("trained")
    training.go_on()
    training.hear("closed")
    assert training.end() == 0
    # a server that has just begun may be slow to take the rest
    sync(spool_root)
    assert not list(spool_root.iterdir()), training.printed
    found = kept(run_id)
    assert found.status == "FINISHED"
    assert found.charted == found.recorded == list(range(60))


def test_a_server_that_is_away_to_the_end_costs_nothing(
    faults: Any, start: Any, kept: Any, spool_root: Path
) -> None:
    training = start(THREE_PARTS, faults.uri)
    run_id = training._line()
    training.hear("trained")
    faults.is_away = True
    for _ in range(2):
        training.go_on()
        training.hear("trained")
    training.go_on()
    training.hear("closed")
    assert training.end() == 0
    assert training.printed.count("send it with: tuneguard sync") == 1
    assert [result.outcome for result in sync(spool_root)] == ["failed"]
    faults.is_away = False
    assert [result.outcome for result in sync(spool_root)] == ["delivered"]
    assert not list(spool_root.iterdir())
    found = kept(run_id)
    assert found.status == "FINISHED"
    assert found.charted == found.recorded == list(range(60))


def test_two_seconds_a_request_cost_nothing(
    faults: Any, start: Any, kept: Any, new_run: str, spool_root: Path
) -> None:
    faults.latency = 2.0
    training = start(RECORDED.format(run_id=new_run), faults.uri)
    training.hear("closed")
    assert training.end() == 0
    faults.latency = 0.0
    sync(spool_root)
    assert not list(spool_root.iterdir()), training.printed
    found = kept(new_run)
    assert found.charted == found.recorded == list(range(40))


@pytest.mark.parametrize("status", [429, 500])
def test_a_busy_server_costs_nothing(
    faults: Any, start: Any, kept: Any, new_run: str, spool_root: Path, *, status: int
) -> None:
    faults.answers = [status] * 4
    training = start(RECORDED.format(run_id=new_run), faults.uri)
    training.hear("closed")
    assert training.end() == 0
    assert not faults.answers
    assert not list(spool_root.iterdir()), training.printed
    found = kept(new_run)
    assert found.charted == found.recorded == list(range(40))


def test_a_key_that_is_refused_costs_only_its_chart(
    faults: Any, start: Any, kept: Any, new_run: str
) -> None:
    faults.refused_key = "learning_rate/0"
    training = start(RECORDED.format(run_id=new_run), faults.uri)
    training.hear("closed")
    assert training.end() == 0
    assert training.printed.count("MLflow refuses 'learning_rate/0'") == 1
    found, refused = kept(new_run), kept(new_run, "learning_rate/0")
    assert found.charted == found.recorded == list(range(40))
    assert refused.charted == []
    assert refused.recorded == list(range(40))
