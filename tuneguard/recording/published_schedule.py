"""One schedule for all ranks: rank 0 revises it from a step that none has reached yet."""

from __future__ import annotations

import json
import threading

from tuneguard.recording.rank_exchange import RankExchange

NOTICE_INTERVALS = 3.0
_TOPIC = "schedule"
_KEPT = 64


class PublishedSchedule:
    """Strides as rank 0 chose them, on their way to the other ranks.

    Args:
        exchange: What carries them.
        is_first: Whether this is rank 0.
    """

    def __init__(self, exchange: RankExchange, *, is_first: bool) -> None:
        self._exchange = exchange
        self._revisions: list[tuple[int, int]] = []
        self._heard = 0
        self._taken = 0
        self._mutex = threading.Lock()
        if not is_first:
            exchange.follow([_TOPIC], self._hear)

    @property
    def notice_seconds(self) -> float:
        """How long before its first step a stride is to be published, so that all know it."""
        return NOTICE_INTERVALS * self._exchange.interval

    def publish(self, from_step: int, stride: int) -> None:
        """Tell the other ranks the stride that holds from a step in the future."""
        with self._mutex:
            self._revisions.append((from_step, stride))
            message = json.dumps([len(self._revisions), self._revisions[-_KEPT:]])
        self._exchange.post(_TOPIC, message, at_once=True)

    def poll(self) -> list[tuple[int, int]]:
        """Return what was heard since the last call: first step and stride, in order."""
        with self._mutex:
            news, self._taken = self._revisions[self._taken :], len(self._revisions)
        return news

    def _hear(self, messages: list[bytes]) -> None:
        total, latest = json.loads(messages[0])
        with self._mutex:
            news = latest[max(0, len(latest) - (total - self._heard)) :]
            self._heard = total
            self._revisions += [(int(step), int(stride)) for step, stride in news]
