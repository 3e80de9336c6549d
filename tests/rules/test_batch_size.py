"""Batches that are too small, or larger than it pays, where the run lost by it."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from tuneguard.findings import Abstained, Finding, Passed, Severity
from tuneguard.rules.batch_size import BatchSize

NOISE = "gradient/noise_to_signal"


def with_noise(run: Any, ratio: float, runs: ModuleType) -> Any:
    ratios = (runs.steps(), ratio + 0.0 * runs.steps())
    return replace(run, others={**run.others, NOISE: ratios})


@pytest.mark.parametrize(("ratio", "expected"), [(60.0, Finding), (5.0, Passed)])
def test_a_noisy_gradient_matters_where_it_holds_the_loss_up(
    ratio: float, expected: type, runs: ModuleType
) -> None:
    for seed in range(10):
        run = runs.noisy_gradients(seed, ratio)
        assert isinstance(BatchSize().check(run.history()), expected), seed
        assert isinstance(
            BatchSize().check(with_noise(runs.healthy(seed), ratio, runs).history()), Passed
        )


@pytest.mark.parametrize(("ratio", "expected"), [(0.01, Finding), (0.5, Passed)])
def test_gradients_without_noise_are_a_waste_where_the_steps_ran_out(
    ratio: float, expected: type, runs: ModuleType
) -> None:
    for seed in range(10):
        train = runs.CHANCE * (1.0 - 0.4 * runs.steps() / runs.STEPS)
        run = runs.healthy(seed).having(train=train + 0.01 * runs.noise(seed, runs.STEPS))
        assert isinstance(BatchSize().check(with_noise(run, ratio, runs).history()), expected)
        settled = with_noise(runs.healthy(seed), ratio, runs)
        assert isinstance(BatchSize().check(settled.history()), Passed)


@pytest.mark.parametrize(("noisy", "size", "suggested"), [(True, 16, "64"), (False, 512, "128")])
def test_the_batch_is_changed_fourfold(
    noisy: bool, size: int, suggested: str, runs: ModuleType
) -> None:
    run = runs.noisy_gradients(0)
    if not noisy:
        train = runs.CHANCE * (1.0 - 0.4 * runs.steps() / runs.STEPS)
        run = with_noise(runs.healthy(0).having(train=train), 0.01, runs)
    finding = BatchSize().check(replace(run, params={**run.params, "batch_size": size}).history())
    assert isinstance(finding, Finding)
    fix = finding.prescriptions[0]
    assert (fix.current, fix.suggested) == (str(size), suggested)


@pytest.mark.parametrize(
    ("samples", "scatter", "end", "expected"),
    [
        (4, 0.4, 0.6, Finding),
        (16, 0.4, 0.6, Abstained),
        (4, 0.05, 0.6, Abstained),
        (4, 0.4, 0.2, Abstained),
    ],
    ids=["tiny", "larger", "of many tokens", "learned"],
)
def test_a_handful_of_samples_is_blamed_where_the_loss_settles_high(
    samples: int, scatter: float, end: float, expected: type, runs: ModuleType
) -> None:
    for seed in range(20):
        level = runs.fall(runs.steps(), runs.CHANCE, end * runs.CHANCE, 40.0)
        train = level + scatter * runs.noise(seed, runs.STEPS)
        run = runs.healthy(seed).having(
            train=train, validation=level[runs.EVERY - 1 :: runs.EVERY]
        )
        run = replace(run, params={**run.params, "batch_size": samples})
        outcome = BatchSize().check(run.history())
        assert isinstance(outcome, expected), seed
        if isinstance(outcome, Finding):
            assert outcome.severity is Severity.WARNING
            assert outcome.prescriptions[0].suggested == "32"


def test_tiny_batches_of_a_loss_that_still_falls_are_left_alone(runs: ModuleType) -> None:
    for seed in range(20):
        level = runs.CHANCE * (1.0 - 0.5 * (runs.steps() / runs.STEPS) ** 2)
        train = level + 0.4 * runs.noise(seed, runs.STEPS)
        run = runs.healthy(seed).having(
            train=train, validation=level[runs.EVERY - 1 :: runs.EVERY]
        )
        run = replace(run, params={**run.params, "batch_size": 2})
        assert not isinstance(BatchSize().check(run.history()), Finding), seed


@pytest.mark.parametrize("excuse", ["not recorded", "uncertain", "running"])
def test_what_is_not_known_is_not_judged(excuse: str, runs: ModuleType) -> None:
    run = runs.noisy_gradients(0)
    if excuse != "running":
        others = {key: points for key, points in run.others.items() if key != NOISE}
        if excuse == "uncertain":
            others[NOISE] = (runs.steps()[:10], run.values(NOISE)[:10])
        run = replace(run, others=others)
    history = run.history()
    history = replace(history, status="running") if excuse == "running" else history
    assert isinstance(BatchSize().check(history), Abstained)
