from __future__ import annotations

from dataclasses import dataclass

import pytest

from tuneguard.recording.budget import DENSE_SECONDS, TIMED_EVERY, Budget
from tuneguard.recording.schedule import LONGEST_STRIDE, Look, Schedule


@dataclass
class Background:
    cpu_seconds: float = 0.0


@dataclass
class SimulatedLoop:
    """A loop whose steps and samples take a known time."""

    step_seconds: float
    sample_seconds: float
    plain_seconds: float = 0.0
    background_share: float = 0.0
    share: float = 0.01

    def run(self, seconds: float) -> tuple[int, float]:
        background = Background()
        budget = Budget(self.share, background)
        schedule = Schedule(dense_steps=0)
        now, step = 0.0, 0
        while now < seconds:
            now += self.step_seconds + self.plain_seconds
            if step % TIMED_EVERY == 0:
                budget.plain(self.plain_seconds)
            if schedule.look(step) is Look.SAMPLE:
                now += self.sample_seconds
                budget.sampling(self.sample_seconds, 1)
            background.cpu_seconds = self.background_share * now
            step += 1
            if step % 50 == 0:
                stride = budget.next_stride(schedule.stride, step, now)
                if stride is not None:
                    schedule.revise(stride, step)
        return schedule.stride, budget.overhead


def test_samples_get_their_share() -> None:
    stride, overhead = SimulatedLoop(0.01, 0.001).run(40.0)
    assert overhead == pytest.approx(0.01, rel=0.3)
    assert stride == pytest.approx(2 * 0.001 / (0.01 * 0.01), rel=0.3)


def test_the_rest_comes_on_top_and_is_told() -> None:
    stride, overhead = SimulatedLoop(0.01, 0.0005, 1e-5, 0.005).run(100.0)
    assert stride == pytest.approx(2 * 0.0005 / (0.01 * 0.01), rel=0.3)
    assert overhead == pytest.approx(0.01 + 0.005 + 0.001, rel=0.1)


@pytest.mark.parametrize(("rest", "left"), [(0.015, 0.005), (0.05, 0.0025)])
def test_where_the_rest_is_much_samples_get_less(rest: float, left: float) -> None:
    loop = SimulatedLoop(0.01, 0.0005, background_share=rest)
    stride, overhead = loop.run(100.0)
    assert stride == pytest.approx(2 * 0.0005 / (left * 0.01), rel=0.3)
    assert overhead == pytest.approx(left + rest, rel=0.2)


def test_what_is_loaded_at_the_start_takes_nothing_from_samples() -> None:
    background = Background()
    budget = Budget(0.01, background)
    background.cpu_seconds = 2.0
    stride = 100
    for second in range(1, 60):
        for _ in range(10):
            budget.sampling(0.0005, 1)
        stride = budget.next_stride(stride, 100 * second, second + 0.01) or stride
    assert stride == pytest.approx(2 * 0.0005 / (0.01 * 0.01), rel=0.3)


def test_where_samples_are_cheap_every_step_is_one() -> None:
    stride, overhead = SimulatedLoop(0.1, 1e-5).run(60.0)
    assert stride < 3
    assert overhead < 0.001


def test_the_stride_has_an_end() -> None:
    assert SimulatedLoop(0.001, 0.1).run(100.0)[0] == LONGEST_STRIDE


def test_a_larger_share_is_spent_on_samples() -> None:
    narrow, _ = SimulatedLoop(0.01, 0.001, share=0.01).run(40.0)
    wide, _ = SimulatedLoop(0.01, 0.001, share=0.05).run(40.0)
    assert narrow == pytest.approx(5 * wide, rel=0.4)


def test_there_is_nothing_to_go_by_at_first() -> None:
    budget = Budget(0.01, Background())
    assert budget.next_stride(20, 100, 0.5) is None
    assert budget.next_stride(20, 100, 1.5) == 20


def test_the_dense_start_has_a_price() -> None:
    budget = Budget(0.01, Background())
    assert not budget.is_dense_start_paid
    budget.sampling(DENSE_SECONDS + 0.1, 1)
    assert budget.is_dense_start_paid


def test_a_sample_that_was_interrupted_counts_in_part() -> None:
    budget = Budget(0.01, Background())
    for number in range(20):
        budget.sampling(0.0005, 1)
        budget.sampling(0.2 if number == 10 else 0.0005)
    # 0.001 s a sample, and once 0.003 s
    assert budget.next_stride(40, 2000, 20.0) == round(2 * 0.0011 / (0.01 * 0.01))
    assert budget.overhead == pytest.approx(0.022 / 20.0)
    assert budget.is_dense_start_paid is False
