"""Short messages between the ranks of a training, on a thread that nobody waits for."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tuneguard.recording.ranks import KeyValueStore

INTERVAL_SECONDS = 1.0
EAGER_INTERVAL_SECONDS = 0.05
EAGER_SECONDS = 60.0
CLOSE_SECONDS = 2.0
_RANKS_AT_FULL_PACE = 256

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Subscription:
    topics: Sequence[str]
    hear: Callable[[list[bytes]], None]
    is_once: bool


class RankExchange:
    """Posts messages to the process group's key-value store, and looks for those of others.

    All of it happens on a daemon thread, with calls that return at once while the store is
    there: neither the training nor the writer waits for it, and where the store is gone or does
    not answer, messages are neither sent nor heard. A topic holds its latest message only.

    Args:
        connect: Returns the store; called on the thread.
        is_over: Whether the store is known to be gone, so that it is not asked any more.
        world_size: Number of ranks; with many of them each looks more rarely.
    """

    def __init__(
        self,
        connect: Callable[[], KeyValueStore],
        is_over: Callable[[], bool],
        world_size: int,
    ) -> None:
        self._connect = connect
        self._is_over = is_over
        self._slowness = 1.0 + world_size / _RANKS_AT_FULL_PACE
        self._mutex = threading.Lock()
        self._outgoing: dict[str, str] = {}
        self._subscriptions: list[_Subscription] = []
        self._awake = threading.Event()
        self._closing = threading.Event()
        self._is_hurried = False
        self._started = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="tuneguard-ranks", daemon=True)

    @property
    def interval(self) -> float:
        """Seconds between two looks at the store."""
        return INTERVAL_SECONDS * self._slowness

    def start(self) -> None:
        """Begin to send and to listen."""
        self._started = time.monotonic()
        self._thread.start()

    @property
    def is_over(self) -> bool:
        """Whether nothing is heard any more."""
        return not self._thread.is_alive()

    def post(self, topic: str, message: str, *, at_once: bool = False) -> None:
        """Have a message sent, without waiting; at the next look where it is not urgent."""
        with self._mutex:
            self._outgoing[topic] = message
        if at_once:
            self._awake.set()

    def follow(
        self, topics: Sequence[str], hear: Callable[[list[bytes]], None], *, once: bool = False
    ) -> None:
        """Have the messages of topics told as soon as all of them have one.

        Args:
            topics: What to look at.
            hear: Called on the exchange's thread with the latest message of each topic.
            once: Whether the first time is enough.
        """
        with self._mutex:
            self._subscriptions.append(_Subscription(topics, hear, once))

    def hurry(self) -> None:
        """Look often from now on: the end is near."""
        self._is_hurried = True
        self._awake.set()

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Send and look a last time, and end; what takes longer than `seconds` is left alone."""
        self._closing.set()
        self._awake.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        try:
            store = self._connect()
            while not self._is_over():
                is_last = self._closing.is_set()
                self._send(store)
                self._listen(store)
                if is_last:
                    break
                self._awake.wait(self._pause())
                self._awake.clear()
        except Exception as error:  # noqa: BLE001 - whatever the store raises, ranks go on alone
            _logger.debug("The ranks cannot hear of each other any more: %r", error)

    def _pause(self) -> float:
        is_young = time.monotonic() - self._started < EAGER_SECONDS
        is_expecting = any(one.is_once for one in self._subscriptions)
        is_eager = self._is_hurried or (is_young and is_expecting)
        return EAGER_INTERVAL_SECONDS * self._slowness if is_eager else self.interval

    def _send(self, store: KeyValueStore) -> None:
        with self._mutex:
            outgoing, self._outgoing = self._outgoing, {}
        for topic, message in outgoing.items():
            store.set(topic, message)

    def _listen(self, store: KeyValueStore) -> None:
        with self._mutex:
            subscriptions = list(self._subscriptions)
        for one in subscriptions:
            if store.check(list(one.topics)):
                one.hear(_values(store, one.topics))
                if one.is_once:
                    with self._mutex:
                        self._subscriptions.remove(one)


def _values(store: KeyValueStore, topics: Sequence[str]) -> list[bytes]:
    """Return the values of topics that have one, in one go where the store can."""
    has_many = getattr(store, "has_extended_api", None)
    if len(topics) > 1 and has_many is not None and has_many():
        return list(store.multi_get(list(topics)))
    return [store.get(topic) for topic in topics]
