"""A run leaves the range of good ones where that is large, beyond their noise, and lasts."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

import pytest

from tuneguard import RunHistory
from tuneguard.good_runs import beside_good_runs

STEPS = 200


def run(
    seed: int,
    *,
    norm: Callable[[int], float] = lambda _: 1.0,
    loss: Callable[[int], float] = lambda step: 0.3 + 2.0 * math.exp(-step / 30.0),
    scale: float = 1.0,
    spread: float = 0.1,
    steps: int = STEPS,
) -> RunHistory:
    noise = Random(seed)
    offset = spread * noise.gauss(0.0, 1.0)
    series = {
        "train/loss": [(s, scale * (loss(s) + 0.02 * noise.gauss(0, 1))) for s in range(steps)],
        "gradient_norm/global": [
            (s, norm(s) * math.exp(offset + 0.1 * noise.gauss(0, 1))) for s in range(steps)
        ],
        "time/step_seconds": [(s, 0.1 * math.exp(0.1 * noise.gauss(0, 1))) for s in range(steps)],
    }
    return RunHistory.from_series(series)


GOOD = [run(seed) for seed in range(10)]


def test_a_norm_far_above_that_of_good_runs_is_told_with_numbers() -> None:
    found = beside_good_runs(run(50, norm=lambda step: 40.0 if step >= 100 else 1.0), GOOD)
    (one,) = found.departures
    assert one.metric == "gradient_norm/global"
    assert one.since == pytest.approx(100, abs=10)
    assert one.step >= one.since
    assert one.value / one.usual == pytest.approx(40, rel=0.3)
    assert one.low <= one.usual <= one.high < one.value
    assert one.good_runs == 10


def test_another_good_run_is_within_the_range() -> None:
    found = [beside_good_runs(run(seed), GOOD) for seed in range(20, 40)]
    assert [one.departures for one in found] == [()] * 20
    assert found[0].compared == ("train/loss", "gradient_norm/global", "time/step_seconds")


def test_a_norm_that_vanishes_is_told() -> None:
    (one,) = beside_good_runs(run(50, norm=lambda _: 0.01), GOOD).departures
    assert one.value < one.low


def test_what_good_runs_differ_in_themselves_is_not_told() -> None:
    good = [run(seed, spread=1.0) for seed in range(10)]
    assert not beside_good_runs(run(50, norm=lambda _: 4.0, spread=0.0), good).departures
    assert beside_good_runs(run(50, norm=lambda _: 4.0, spread=0.0), GOOD).departures


def test_a_difference_beyond_the_noise_but_small_is_not_told() -> None:
    good = [run(seed, spread=0.001) for seed in range(10)]
    assert not beside_good_runs(run(50, norm=lambda _: 1.5, spread=0.0), good).departures


def test_a_moment_is_not_told() -> None:
    assert not beside_good_runs(
        run(50, norm=lambda step: 40.0 if 103 <= step < 107 else 1.0), GOOD
    ).departures


@pytest.mark.parametrize("scale", [1.0, 1000.0, -1.0])
def test_a_loss_is_judged_by_what_good_runs_gained_whatever_its_unit(scale: float) -> None:
    good = [run(seed, scale=scale) for seed in range(10)]
    stuck = run(50, loss=lambda _: 2.3, scale=scale)
    assert [one.metric for one in beside_good_runs(stuck, good).departures] == ["train/loss"]
    slow = run(50, loss=lambda step: 0.35 + 2.0 * math.exp(-step / 33.0), scale=scale)
    assert not beside_good_runs(slow, good).departures


def test_a_run_is_compared_as_far_as_it_is() -> None:
    begun = run(50, norm=lambda step: 40.0 if step >= 40 else 1.0, steps=80)
    (one,) = beside_good_runs(begun, GOOD).departures
    assert one.since == pytest.approx(40, abs=5)


@pytest.mark.parametrize(
    ("good", "reason"),
    [
        (GOOD[:4], "there are 4, and fewer than 5 show no range"),
        (GOOD[:1], "there is 1, and fewer than 5 show no range"),
        ([RunHistory.from_series({"val_loss": [(0, 1.0)]})] * 5, "the run has no series"),
    ],
)
def test_too_few_good_runs_show_nothing(good: list[RunHistory], reason: str) -> None:
    found = beside_good_runs(run(50, norm=lambda _: 40.0), good)
    assert found.reason.startswith(reason)
    assert found.departures == ()
