from __future__ import annotations

import pytest

from tuneguard.recording.schedule import Look, Schedule


def sampled(schedule: Schedule, start: int, stop: int) -> list[int]:
    return [step for step in range(start, stop) if schedule.look(step) is Look.SAMPLE]


@pytest.mark.parametrize("stride", [3, 4, 7, 50, 200])
def test_each_stride_has_a_pair_and_a_lead_in_before_it(stride: int) -> None:
    schedule = Schedule(dense_steps=0, stride=stride)
    for cell in range(30):
        steps = range(cell * stride, (cell + 1) * stride)
        first, second = sampled(schedule, steps.start, steps.stop)
        assert second == first + 1
        lead_in = [step for step in steps if schedule.look(step) is Look.LEAD_IN]
        assert lead_in == [first - 1]


def test_pairs_do_not_fall_on_the_same_place_of_every_epoch() -> None:
    schedule = Schedule(dense_steps=0, stride=50)
    places = {step % 50 for step in sampled(schedule, 0, 5000)}
    assert len(places) > 40


@pytest.mark.parametrize("stride", [1, 2])
def test_a_short_stride_takes_every_step(stride: int) -> None:
    assert sampled(Schedule(0, stride), 0, 20) == list(range(20))


def test_the_start_is_dense_until_it_has_cost_enough() -> None:
    schedule = Schedule(dense_steps=100, stride=50)
    assert sampled(schedule, 0, 100) == list(range(100))
    schedule.end_dense_start(0)
    assert len(sampled(schedule, 0, 100)) == 4


def test_a_stride_holds_from_a_step_on() -> None:
    schedule = Schedule(dense_steps=0, stride=10)
    schedule.revise(100, 200)
    assert schedule.stride == 100
    assert len(sampled(schedule, 0, 200)) == 40
    assert len(sampled(schedule, 200, 1200)) == 20


def test_a_burst_takes_every_step() -> None:
    schedule = Schedule(dense_steps=0, stride=100)
    schedule.burst(40)
    assert sampled(schedule, 0, 40) == list(range(40))
    assert len(sampled(schedule, 100, 1100)) == 20


@pytest.mark.parametrize("stride", [1, 2, 3, 20, 150])
def test_units_are_looked_at_rarely_and_where_gradients_are(stride: int) -> None:
    schedule = Schedule(dense_steps=64, stride=stride)
    steps = [step for step in range(6000) if schedule.looks_at_units(step)]
    assert all(schedule.look(step) is Look.SAMPLE for step in steps)
    assert steps[:4] == [0, 16, 32, 48]
    cells = (6000 - 64) / (stride if stride >= 3 else 1)
    assert len(steps) - 4 == pytest.approx(cells / 4, rel=0.02, abs=1.0)
