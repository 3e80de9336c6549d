from __future__ import annotations

import math

import numpy as np
import pytest

from tuneguard import keys
from tuneguard.recording.loss_watch import LossWatch
from tuneguard.recording.pace import BURST_STEPS, Pace
from tuneguard.recording.schedule import Look, Schedule
from tuneguard.spool.columns import Columns


def losses(values: np.ndarray, first: int = 0) -> Columns:
    steps = np.arange(first, first + len(values))
    return Columns.of_one_key(keys.TRAIN_LOSS, steps, steps, values)


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(0).normal(1.0, 0.1, 100)


@pytest.mark.parametrize("odd", [5.0, math.nan, math.inf])
def test_an_odd_loss_has_the_next_steps_sampled(noise: np.ndarray, odd: float) -> None:
    pace = Pace(Schedule(dense_steps=0, stride=200), None, 0)
    pace.watch.take(losses(noise))
    pace.advance(151)
    assert pace.look is not Look.SAMPLE
    pace.watch.take(losses(np.array([1.0, odd, 1.0]), 100))
    looks = []
    for step in range(152, 152 + BURST_STEPS):
        pace.advance(step)
        looks.append(pace.look)
    assert looks == [Look.SAMPLE] * BURST_STEPS
    pace.advance(152 + BURST_STEPS)
    assert pace.look is Look.NOT


def test_one_burst_is_enough_for_a_while(noise: np.ndarray) -> None:
    heard: list[int] = []
    watch = LossWatch(lambda: heard.append(1))
    watch.take(losses(noise))
    for first in range(100, 2000, 50):
        watch.take(losses(np.full(50, 9.0 + first), first))
    assert len(heard) == 1
    watch.take(losses(np.array([math.nan]), 5000))
    assert len(heard) == 2


@pytest.mark.parametrize("trend", [0.0, -0.02])
def test_noise_and_progress_are_nothing_odd(trend: float) -> None:
    heard: list[int] = []
    watch = LossWatch(lambda: heard.append(1))
    noise = np.random.default_rng(1).normal(0.0, 0.1, 5000)
    values = 3.0 * np.exp(trend * np.arange(5000)) + noise
    for first in range(0, 5000, 100):
        watch.take(losses(values[first : first + 100], first))
    assert not heard


def test_units_are_looked_at_in_some_samples() -> None:
    pace = Pace(Schedule(dense_steps=0, stride=10), None, 0)
    looks = []
    for step in range(1, 400):
        pace.advance(step)
        looks.append((pace.look, pace.is_for_units))
    for_units = [look for look, is_for_units in looks if is_for_units]
    assert len(for_units) == 10
    assert set(for_units) == {Look.SAMPLE}
