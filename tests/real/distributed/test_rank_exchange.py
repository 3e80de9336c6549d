from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import numpy as np
import pytest

from tuneguard import keys
from tuneguard.recording import rank_exchange
from tuneguard.recording.rank_exchange import RankExchange
from tuneguard.recording.rank_schedule import NOTICE_INTERVALS, RankSchedule
from tuneguard.recording.schedule import Look
from tuneguard.recording.shard_sums import (
    SMALLEST_WINDOW,
    SQUARED_KEYS,
    WINDOW,
    ShardSums,
    Window,
)
from tuneguard.spool.columns import Columns


class Store(dict[str, bytes]):
    """A key-value store of one process."""

    def set(self, key: str, value: str) -> None:
        self[key] = value.encode()

    def check(self, names: list[str]) -> bool:
        return all(name in self for name in names)


MakeExchange = Callable[[], RankExchange]


@pytest.fixture
def make_exchange(monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeExchange]:
    monkeypatch.setattr(rank_exchange, "INTERVAL_SECONDS", 0.01)
    store = Store()
    with ExitStack() as made:

        def make() -> RankExchange:
            exchange = RankExchange(lambda: store, lambda: False, world_size=2)
            made.callback(exchange.close)
            return exchange

        yield make


def heard_by(
    exchange: RankExchange, topics: list[str]
) -> tuple[list[list[bytes]], threading.Event]:
    heard: list[list[bytes]] = []
    event = threading.Event()

    def hear(messages: list[bytes]) -> None:
        heard.append(messages)
        event.set()

    exchange.follow(topics, hear, once=True)
    return heard, event


def test_messages_are_told_once_all_are_there(make_exchange: MakeExchange) -> None:
    first, second, third = make_exchange(), make_exchange(), make_exchange()
    heard, event = heard_by(first, ["a", "b"])
    for one in (first, second):
        one.start()
    second.post("a", "1", at_once=True)
    assert not event.wait(0.1)
    third.post("b", "2")
    third.start()
    third.close()
    assert event.wait(10.0)
    assert heard == [[b"1", b"2"]]


def test_a_store_that_is_gone_ends_the_exchange_in_silence() -> None:
    def connect() -> Store:
        raise RuntimeError

    exchange = RankExchange(connect, lambda: False, world_size=2)
    exchange.post("a", "1")
    exchange.start()
    exchange.close()
    assert not exchange._thread.is_alive()


def test_a_store_that_hangs_does_not_hold_up_the_end() -> None:
    hang = threading.Event()

    class Hanging(Store):
        def check(self, names: list[str]) -> bool:
            return hang.wait(60)

    exchange = RankExchange(Hanging, lambda: False, world_size=2)
    exchange.follow(["a"], lambda _: None)
    exchange.start()
    exchange.close(0.1)
    assert exchange._thread.is_alive()
    hang.set()


def test_a_store_that_is_over_is_not_asked() -> None:
    asked: list[str] = []

    class Asked(Store):
        def check(self, names: list[str]) -> bool:
            asked.extend(names)
            return False

    exchange = RankExchange(Asked, lambda: True, world_size=2)
    exchange.follow(["a"], lambda _: None)
    exchange.start()
    exchange.close()
    assert asked == []


def test_all_ranks_change_their_stride_at_the_same_step(make_exchange: MakeExchange) -> None:
    exchanges = make_exchange(), make_exchange()
    notice = NOTICE_INTERVALS * exchanges[0].interval
    now = 0.0
    first, other = (
        RankSchedule(one, is_first=one is exchanges[0], clock=lambda: now) for one in exchanges
    )
    pace = 100 / notice
    for step, stride in [(3000, 40), (6000, 80)]:
        now = step / pace
        first.revise(stride, step)
    first.end_dense_start(50)
    other.revise(3, 200)
    for one in exchanges:
        one.start()
        one.close()
    samples = [
        [step for step in range(9000) if one.look(step) is Look.SAMPLE] for one in (first, other)
    ]
    assert samples[0] == samples[1]
    assert [step for step, _ in other._changes[1:]] == [3100, 6100]


def shard(steps: list[int], gradient: float, update: float = 0.3, weight: float = 3.0) -> Columns:
    values = dict(zip(SQUARED_KEYS, (gradient, update, weight), strict=True))
    return Columns.from_rows(
        (key, step, 1000 * step, value) for key, value in values.items() for step in steps
    )


def test_rank_0_adds_up_what_all_have_posted(make_exchange: MakeExchange) -> None:
    exchanges = make_exchange(), make_exchange()
    first, other = (ShardSums(one, rank, 2) for rank, one in enumerate(exchanges))
    for one in exchanges:
        one.start()
    first.add(shard([0, 1, 2], 3.0))
    assert len(first.complete()) == 0
    other.add(shard([0, 2], 4.0, 0.4, 4.0))
    first.wait_for_last(10.0)
    found = {
        key: (own.steps.tolist(), own.values.tolist()) for key, own in first.complete().by_key()
    }
    assert found[keys.GRADIENT_NORM_GLOBAL] == ([0, 2], [5.0, 5.0])
    assert found[keys.UPDATE_NORM_GLOBAL][1] == pytest.approx([0.5, 0.5])
    assert found[keys.UPDATE_RATIO_GLOBAL][1] == pytest.approx([0.1, 0.1])
    assert len(first.complete()) == 0


def test_ranks_that_post_nothing_are_waited_for_a_moment_only(
    make_exchange: MakeExchange,
) -> None:
    exchange = make_exchange()
    sums = ShardSums(exchange, 0, 2)
    exchange.start()
    sums.add(shard([0], 3.0))
    sums.wait_for_last(0.05)
    assert len(sums.complete()) == 0
    assert not exchange.is_over
    exchange.close()
    sums.wait_for_last(1e9)


@pytest.mark.parametrize("size", [WINDOW, SMALLEST_WINDOW])
@pytest.mark.parametrize(("milliseconds", "behind"), [(1, 700), (10, 70), (1000, 1)])
def test_windows_of_ranks_that_look_at_different_times_overlap(
    milliseconds: int, behind: int, size: int
) -> None:
    """Samples come fast or slowly; one rank posted its window `behind` steps ago."""
    windows = Window(1.0, size), Window(1.0, size)
    for end, window in zip((6_000, 6_000 - behind), windows, strict=True):
        for step in range(end):
            window.add([(float(step), float(step * milliseconds), 1.0, 1.0, 1.0)])
    ours, theirs = (window.rows()[:, 0] for window in windows)
    assert max(len(ours), len(theirs)) <= size
    assert len(np.intersect1d(ours, theirs)) >= size // 4
