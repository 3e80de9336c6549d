"""Delivery while the training goes on: every few seconds, patiently, on its own thread."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Mapping

from tuneguard.exceptions import RunDeletedError
from tuneguard.spool.record_writer import compact
from tuneguard.spool.spool_folder import Spool
from tuneguard.storage.delivery import Delivery
from tuneguard.storage.sync import send_earlier

INTERVAL_SECONDS = 5.0
SHARE = 0.002
HOLD_SECONDS = 30.0
SETTLE_SECONDS = 5.0
_RAREST_SECONDS = 15.0
_LONGEST_INTERVAL = 30.0
_LAST_ATTEMPTS = (0.0, 1.0, 2.0, 4.0)
_SPEAK_AFTER = 3.0

_logger = logging.getLogger(__name__)


class DeliveryThread:
    """Sends what comes into a spool, more rarely while the store does not answer.

    Deliveries are spaced so that they take a small share of a core: one of many points costs the
    training less than several of few.

    The first delivery waits until shortly after the first validation, or half a minute: loops
    log metrics of their own around it, and a key is only theirs if they have it before us.

    Args:
        spool: What is to be delivered.

    Attributes:
        failure: Why the last delivery failed; empty where it did not.
        cpu_seconds: CPU time that the thread has used up to its last delivery.
    """

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._delivery = Delivery(spool)
        self._awaited = threading.Event()
        self._finishing = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tuneguard-delivery", daemon=True)
        self.failure = ""
        self.cpu_seconds = 0.0
        self._has_sent_earlier = False
        self._has_spoken = False

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def validated(self) -> None:
        """Tell that results of a validation came into the spool."""
        self._awaited.set()

    def tag(self, tags: Mapping[str, str]) -> None:
        """Have tags written with the next delivery, in place of the last."""
        self._delivery.tags.put(tags)

    def leave(self, names: Iterable[str]) -> None:
        """Leave metric keys to what logs them, from the next delivery on."""
        self._delivery.left |= frozenset(names)

    def finish(self) -> None:
        """Ask for the rest to be delivered: nothing more comes into the spool."""
        self._finishing.set()
        self._awaited.set()

    def wait(self, seconds: float) -> bool:
        """Wait for the end, and return whether everything was delivered."""
        early = min(_SPEAK_AFTER, max(seconds, 0.0))
        if not self._ended.wait(early):
            _logger.warning("Still sending what was recorded to MLflow, %.0f s at most.", seconds)
            self._ended.wait(max(seconds - early, 0.0))
        return self._ended.is_set() and not self.failure

    def _run(self) -> None:
        interval = SETTLE_SECONDS if self._awaited.wait(HOLD_SECONDS) else 0.0
        has_loaded = False
        while not self._finishing.wait(interval):
            is_sent, before = self._send(), self.cpu_seconds
            self.cpu_seconds = time.thread_time()
            if not is_sent:
                interval = min(max(2 * interval, INTERVAL_SECONDS), _LONGEST_INTERVAL)
                continue
            # the first delivery loads what it needs, which no later one does
            interval = interval_after(self.cpu_seconds - before if has_loaded else 0.0)
            has_loaded = True
        self._finish()
        self.cpu_seconds = time.thread_time()
        self._ended.set()

    def _send(self) -> bool:
        if self._spool.ticket.run_id is None:
            return True
        try:
            self._send_earlier()
            self._delivery.send()
        except Exception as error:  # noqa: BLE001 - whatever MLflow raises, it is tried again
            self.failure = _first_line(error)
            self._speak()
            return False
        self.failure = ""
        return True

    def _send_earlier(self) -> None:
        """Deliver what killed recorders of the same run left, once, before there is more."""
        if not self._has_sent_earlier:
            send_earlier(self._spool)
            self._has_sent_earlier = True

    def _speak(self) -> None:
        if not self._has_spoken:
            self._has_spoken = True
            _logger.warning("MLflow does not take what is recorded, trying on: %s", self.failure)

    def _finish(self) -> None:
        try:
            compact(self._spool)
        except OSError as error:
            _logger.debug("The parts stay as they are: %s", error)
        if self._spool.ticket.run_id is None:
            is_first = not self._spool.manifest.rank
            unanswered = "there was no answer when the run was to be started"
            self.failure = unanswered if is_first else "rank 0 has not said which run it is"
            return
        for pause in _LAST_ATTEMPTS:
            time.sleep(pause)
            try:
                self._send_earlier()
                self._delivery.finish()
            except RunDeletedError as error:
                self.failure = _first_line(error)
                return
            except Exception as error:  # noqa: BLE001 - what is not sent now is for sync
                self.failure = _first_line(error)
            else:
                self.failure = ""
                return


def interval_after(cost: float) -> float:
    """Return the seconds until the next delivery, from the processor seconds of the last.

    >>> interval_after(0.001), interval_after(0.02), interval_after(1.0)
    (5.0, 10.0, 15.0)
    """
    return min(max(INTERVAL_SECONDS, cost / SHARE), max(INTERVAL_SECONDS, _RAREST_SECONDS))


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or repr(error)
