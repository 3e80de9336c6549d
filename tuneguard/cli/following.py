"""The loop of `tuneguard watch`, and who hears what it sees."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import click

from tuneguard.exceptions import StoreUnreachableError
from tuneguard.reports.untrusted import clipped, terminal_safe

if TYPE_CHECKING:
    from tuneguard.history import RunHistory
    from tuneguard.live import Event, Lookout
    from tuneguard.reports.watch.live import Screen
    from tuneguard.rule import Rule
    from tuneguard.watching import Sight

_PATIENCE = 4.0
_EARLIER = 0.66
_PROGRESS_SECONDS = 60.0
_REASON = 120

Read = Callable[[], "RunHistory | None"]
Sleep = Callable[[float], None]


class Listener(Protocol):
    """Shows a person what is seen."""

    def seen(self, sight: Sight, events: Sequence[Event]) -> None:
        """The run has moved on."""

    def waiting(self, seconds: float) -> None:
        """The next look is so far away."""

    def lost(self, reason: str) -> None:
        """The store does not answer."""

    def returned(self) -> None:
        """It answers again."""


def follow(  # noqa: PLR0913 - what to look at, how, and the clock to do it by
    read: Read,
    listener: Listener,
    interval: float,
    *,
    rules: Sequence[Rule] | None = None,
    sleep: Sleep = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Look at a run until it ends.

    Between two looks lie `interval` seconds, and four times as long as a look takes: a slow
    server, and a machine that also trains, have better things to do. The first look, which reads
    all there is, does not count.

    Raises:
        TuneGuardError: The run cannot be read; a store that goes away later is waited for.
    """
    from tuneguard.diagnosis import diagnose
    from tuneguard.watching import Watch

    watch, reader = Watch(), _PatientReader(read, listener)
    while True:
        begun, is_first = clock(), not reader.has_read
        history = reader()
        if history is not None:
            told = _what_lasted(watch.lookout, history, rules) if is_first else ()
            sight, events = watch.look(history, diagnose(history, rules), clock())
            listener.seen(sight, [*told, *events])
            if not history.is_running:
                return
        pause = interval if is_first else max(interval, _PATIENCE * (clock() - begun))
        listener.waiting(pause)
        sleep(pause)


def _what_lasted(
    lookout: Lookout, history: RunHistory, rules: Sequence[Rule] | None
) -> Sequence[Event]:
    """Look at what was known a while ago first, so that what has lasted is told at once."""
    from tuneguard.diagnosis import diagnose
    from tuneguard.live import until

    if not history.is_running:
        return ()
    earlier = until(history, _EARLIER * history.last_step)
    return lookout.look(earlier, diagnose(earlier, rules))


class _PatientReader:
    """Reads a run, and takes it for nothing new where a store that was there has gone away."""

    def __init__(self, read: Read, listener: Listener) -> None:
        self._read, self._listener = read, listener
        self.has_read = self._is_lost = False

    def __call__(self) -> RunHistory | None:
        try:
            history = self._read()
        except StoreUnreachableError as error:
            if not self.has_read:
                raise
            self._is_lost = True
            self._listener.lost(str(error))
            return None
        if self._is_lost:
            self._is_lost = False
            self._listener.returned()
        self.has_read = True
        return history


class ScreenListener:
    """Redraws a screen."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._sight: Sight | None = None
        self._trouble = ""

    def seen(self, sight: Sight, events: Sequence[Event]) -> None:  # noqa: ARG002 - all is drawn
        """Keep what is to be drawn."""
        self._sight = sight
        self._draw(f"Looked at {_now()}.")

    def waiting(self, seconds: float) -> None:
        """Draw when the next look is."""
        self._draw(
            f"{self._trouble}Looked at {_now()}, next in {seconds:.0f} s. Ctrl-C stops watching."
        )

    def lost(self, reason: str) -> None:
        """Remember since when the store is away."""
        why = clipped(terminal_safe(reason), _REASON)
        self._trouble = self._trouble or f"Since {_now()} the store does not answer: {why}\n"

    def returned(self) -> None:
        """Forget about it."""
        self._trouble = ""

    def _draw(self, footer: str) -> None:
        self._screen.show(self._sight, footer)


class LogListener:
    """Writes a line for each event, and one about the progress each minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._progress_at: float | None = None
        self._is_lost = False

    def seen(self, sight: Sight, events: Sequence[Event]) -> None:
        """Write what is new."""
        from tuneguard.reports.watch.log import event_line, progress_line

        for event in events:
            click.echo(f"{_now()} {event_line(event, sight.unit)}")
        now = self._clock()
        if self._progress_at is None or now - self._progress_at >= _PROGRESS_SECONDS:
            self._progress_at = now
            click.echo(f"{_now()} {progress_line(sight)}")

    def waiting(self, seconds: float) -> None:
        """Say nothing: a log is no clock."""

    def lost(self, reason: str) -> None:
        """Write it once."""
        if not self._is_lost:
            self._is_lost = True
            why = clipped(terminal_safe(reason), _REASON)
            click.echo(f"{_now()} the store does not answer; waiting for it: {why}")

    def returned(self) -> None:
        """Write it once."""
        self._is_lost = False
        click.echo(f"{_now()} the store answers again")


def _now() -> str:
    return time.strftime("%H:%M:%S")
