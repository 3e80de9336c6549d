"""What is kept of a growing run: bounded, even over time, with neighbours and every first NaN."""

from __future__ import annotations

import numpy as np
import pytest

from tuneguard.history import Sampling
from tuneguard.live.run_memory import RunMemory
from tuneguard.statistics.robust import difference_scale
from tuneguard.statistics.weighted import weighted_median

STEPS = 60_000


def taken(memory, name, steps, values, packet=1000):
    for start in range(0, len(steps), packet):
        part = slice(start, start + packet)
        codes = np.zeros(len(steps[part]), dtype=np.int32)
        memory.take([name], codes, steps[part], values[part])


def long_series(memory, values):
    taken(memory, "train/loss", np.arange(STEPS), values)
    return memory.series()["train/loss"]


def test_a_short_run_is_kept_whole():
    memory = RunMemory()
    values = np.random.default_rng(0).normal(size=3000)
    taken(memory, "train/loss", np.arange(3000), values)
    series = memory.series()["train/loss"]
    assert np.array_equal(series.values, values)
    assert series.sampling is Sampling.EVERY_STEP
    assert memory.last_step == 2999


def test_a_long_run_is_bounded_and_even_over_time():
    memory = RunMemory()
    series = long_series(memory, np.arange(float(STEPS)))
    assert 4000 < len(series) <= 16_384
    assert np.array_equal(series.steps[:256], np.arange(256))
    assert series.steps[-1] > STEPS - 20
    quarters = np.histogram(series.steps[256:], 4, (0, STEPS))[0]
    assert quarters.min() > 0.9 * quarters.max()
    assert weighted_median(series.values, series.weights) == pytest.approx(STEPS / 2, rel=0.01)


def test_noise_keeps_its_scale():
    values = np.random.default_rng(0).normal(size=STEPS)
    series = long_series(RunMemory(), values)
    scale = difference_scale(series.values, series.steps)
    assert scale == pytest.approx(1.0, abs=0.05)


def test_what_is_not_finite_first_is_never_lost():
    values = np.ones(STEPS)
    values[[5003, 30_007]] = np.nan, np.inf
    series = long_series(RunMemory(), values)
    assert series.steps[~series.is_finite].tolist() == [5003.0, 30_007.0]
    bad_for_good = np.where(np.arange(STEPS) < 30_007, 1.0, np.nan)
    assert len(long_series(RunMemory(), bad_for_good)) <= 16_384 + 64


def test_many_layers_share_what_there_is():
    memory, layers, samples = RunMemory(20_000), 500, 400
    names = [f"gradient_norm/layer{index}" for index in range(layers)]
    codes = np.tile(np.arange(layers, dtype=np.int32), 100)
    for first in range(0, samples, 100):
        steps = np.repeat(np.arange(first, first + 100) * 50, layers)
        memory.take(names, codes, steps, np.ones(len(codes)))
    series = memory.series()
    assert set(series) == set(names)
    assert {len(one) for one in series.values()} <= set(range(60, 129))
    assert memory.size <= 128 * layers


def test_series_of_shards_and_empty_packets_are_nothing():
    memory = RunMemory()
    memory.take(["train/loss"], *(np.empty(0, dtype=int), np.empty(0, dtype=int), np.empty(0)))
    taken(memory, "shard/gradient_norm/global", np.arange(10), np.ones(10))
    assert memory.series() == {}


def test_series_that_come_together_stay_apart():
    memory = RunMemory()
    for step in range(100):
        codes = np.array([0, 1], dtype=np.int32)
        names = ["a", "b"] if step % 2 else ["b", "a"]
        values = np.array([1.0, 2.0] if step % 2 else [2.0, 1.0])
        memory.take(names, codes, np.array([step, step]), values)
    series = memory.series()
    assert set(series["a"].values) == {1.0}
    assert set(series["b"].values) == {2.0}
