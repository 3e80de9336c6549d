"""The loop of `tuneguard watch`, with a run that is not there."""

from __future__ import annotations

import pytest

from tuneguard import RunHistory, TuneGuardError
from tuneguard.cli.following import LogListener, ScreenListener, follow
from tuneguard.exceptions import RunNotFoundError, StoreUnreachableError


def history(steps, status="running"):
    points = [(step, 1.0 / (1 + step)) for step in range(steps)]
    return RunHistory.from_series({"train/loss": points}, axis="step", status=status)


class Clock:
    """Time that passes only by sleeping, and by looks that take long."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Heard:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def seen(self, sight, events):
        self.said.append(f"{sight.unit} {sight.step:g}")

    def waiting(self, seconds):
        pass

    def lost(self, reason):
        self.said.append(f"lost: {reason}")

    def returned(self):
        self.said.append("returned")


def reader(*looks, clock=None, took=0.0):
    left = list(looks)

    def read():
        if clock is not None:
            clock.now += took
        look = left.pop(0)
        if isinstance(look, Exception):
            raise look
        return look

    return read


def watched(*looks, took=0.0, interval=5.0):
    clock, heard = Clock(), Heard()
    read = reader(*looks, clock=clock, took=took)
    follow(read, heard, interval, sleep=clock.sleep, clock=clock)
    return heard.said, clock.slept


def test_it_ends_when_the_run_does():
    said, slept = watched(history(5), None, history(9), history(10, "finished"))
    assert said == ["step 4", "step 8", "step 9"]
    assert slept == [5.0, 5.0, 5.0]


def test_looks_that_take_long_are_further_apart_but_not_for_the_first():
    assert watched(history(5), history(6), history(7, "failed"), took=3.0)[1] == [5.0, 12.0]


def test_a_store_that_goes_away_is_waited_for():
    away = StoreUnreachableError("Nobody is there.")
    said, _ = watched(history(5), away, away, history(6), history(7, "killed"))
    assert said == [
        "step 4",
        "lost: Nobody is there.",
        "lost: Nobody is there.",
        "returned",
        "step 5",
        "step 6",
    ]


@pytest.mark.parametrize(
    "looks",
    [
        (StoreUnreachableError("Nobody is there."),),
        (history(5), RunNotFoundError("It is gone.")),
    ],
)
def test_what_waiting_cannot_mend_ends_it(looks):
    with pytest.raises(TuneGuardError):
        watched(*looks)


def test_the_log_says_once_that_the_store_is_away_and_that_it_is_back(capsys):
    away = StoreUnreachableError("Nobody\x1b[2J is there.")
    clock = Clock()
    read = reader(history(5), away, away, history(6), history(7, "finished"))
    follow(read, LogListener(clock), 5.0, sleep=clock.sleep, clock=clock)
    said = capsys.readouterr().out
    assert said.count("does not answer") == said.count("answers again") == 1
    assert "\x1b" not in said


def test_the_log_has_a_line_of_progress_a_minute(capsys):
    clock = Clock()
    looks = [history(5 + i) for i in range(25)]
    read = reader(*looks, history(40, "finished"))
    follow(read, LogListener(clock), 5.0, sleep=clock.sleep, clock=clock)
    assert capsys.readouterr().out.count("training loss") == 3


class Screen:
    def __init__(self):
        self.footers = []

    def show(self, sight, footer):
        self.footers.append(footer)


def test_the_screen_says_since_when_the_store_is_away_until_it_is_back():
    screen, clock = Screen(), Clock()
    away = StoreUnreachableError("Nobody is there.")
    read = reader(history(5), away, history(6), history(7, "finished"))
    follow(read, ScreenListener(screen), 5.0, sleep=clock.sleep, clock=clock)
    troubled = ["does not answer" in footer for footer in screen.footers]
    assert True in troubled
    assert troubled[-1] is False
    assert "next in 5 s" in screen.footers[1]


def test_what_has_lasted_is_told_at_the_first_look(capsys):
    points = [(step, 1.0 if step < 200 else float("nan")) for step in range(400)]
    looks = [
        RunHistory.from_series({"train/loss": points}, axis="step", status=status)
        for status in ("running", "finished")
    ]
    clock = Clock()
    follow(reader(*looks), LogListener(clock), 5.0, sleep=clock.sleep, clock=clock)
    assert capsys.readouterr().out.count("TG401") == 1
