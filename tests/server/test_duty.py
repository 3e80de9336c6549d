"""Of several workers one is on duty, and another when that one is gone."""

from __future__ import annotations

import queue
import threading
from pathlib import Path
from typing import Any

import pytest

from tuneguard.server import duty as duty_module
from tuneguard.server.duty import Duty
from tuneguard.server.settings import Settings


class Desk:
    """Says what it does; an examination may be told to fail."""

    did: queue.SimpleQueue[str]
    sweep_seconds = 0.0
    failures: list[Exception]

    def __init__(self, settings: Settings, places: dict[str, str], *_: Any) -> None:
        self._name = places["store"]

    def examine_next(self) -> bool:
        if self.failures:
            raise self.failures.pop()
        self.did.put(self._name)
        return False

    def sweep(self) -> float:
        self.did.put(f"sweep of {self._name}")
        return self.sweep_seconds

    def leave(self) -> None:
        """Nothing runs."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duty_module, "Desk", Desk)
    monkeypatch.setattr(duty_module, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(duty_module, "_AFTER_A_BREAKDOWN", 0.01)
    monkeypatch.setattr(Desk, "did", queue.SimpleQueue(), raising=False)
    monkeypatch.setattr(Desk, "failures", [], raising=False)


def duty_of(worker: str, folder: Path, **settings: float) -> Duty:
    return Duty(Settings(worker, folder, **{"sweep": 0, **settings}), {"store": worker})


def next_done() -> str:
    return Desk.did.get(timeout=60)


def test_one_works_and_the_other_takes_over(tmp_path: Path) -> None:
    first, second = duty_of("first", tmp_path), duty_of("second", tmp_path)
    first.start()
    assert next_done() == "first"
    second.start()
    assert {next_done() for _ in range(20)} == {"first"}
    first.stop()
    while next_done() == "first":
        pass

    assert {next_done() for _ in range(5)} == {"second"}
    second.stop()
    assert not any(one.name == "tuneguard-duty" for one in threading.enumerate())


def test_a_sweep_is_made_at_the_start_and_again(tmp_path: Path) -> None:
    duty = duty_of("one", tmp_path, sweep=0.01)
    duty.start()
    done = [next_done() for _ in range(10)]
    duty.stop()

    assert done.count("sweep of one") > 1


def test_a_sweep_that_took_long_rests_for_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Desk, "sweep_seconds", 1000.0)
    duty = duty_of("one", tmp_path, sweep=0.01)
    duty.start()
    done = [next_done() for _ in range(10)]
    duty.stop()

    assert done.count("sweep of one") == 1


def test_no_sweep_is_made_where_none_is_wanted(tmp_path: Path) -> None:
    duty = duty_of("one", tmp_path)
    duty.start()
    done = [next_done() for _ in range(10)]
    duty.stop()

    assert set(done) == {"one"}


def test_a_breakdown_is_logged_and_passes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Desk.failures.append(OSError("the disk is full"))
    duty = duty_of("one", tmp_path)
    duty.start()
    assert next_done() == "one"
    duty.stop()

    assert "the disk is full" in caplog.text
