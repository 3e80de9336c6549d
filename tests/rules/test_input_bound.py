"""Input-bound: the loop waits for data."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
import torch

from tuneguard.findings import Abstained, Finding, Passed
from tuneguard.history import RunHistory
from tuneguard.recording.timed_batches import TimedBatches
from tuneguard.rules.input_bound import InputBound

WAIT, SECONDS = "time/data_wait_fraction", "time/step_seconds"


@pytest.mark.parametrize("seed", range(20))
def test_a_loop_that_waits_most_of_its_time_is_found(seed: int, runs: ModuleType) -> None:
    finding = InputBound().check(runs.starved(seed).history())
    assert isinstance(finding, Finding)
    assert finding.evidence[0].value == pytest.approx(0.7, abs=0.03)
    assert finding.evidence[2].value == pytest.approx(0.9 * 600 * 0.3 * 0.7, rel=0.15)


@pytest.mark.parametrize("seed", range(40))
def test_short_waits_pass(seed: int, runs: ModuleType) -> None:
    run = runs.starved(seed)
    rare = np.where(runs.steps() % 100 == 0, 0.99, np.abs(0.1 * runs.noise(seed, runs.STEPS, 0.9)))
    waits = {WAIT: (runs.steps(), rare)}
    assert isinstance(InputBound().check(runs.beside(run, waits).history()), Passed)


def test_a_stretch_of_waiting_passes(runs: ModuleType) -> None:
    run = runs.starved(0)
    stalled = np.where(runs.steps() < 300, run.values(WAIT), 0.05)
    outcome = InputBound().check(runs.beside(run, {WAIT: (runs.steps(), stalled)}).history())
    assert isinstance(outcome, Passed)


def test_waits_that_cost_seconds_only_pass(runs: ModuleType) -> None:
    run = runs.starved(0)
    fast = {SECONDS: (runs.steps(), 0.01 * run.values(SECONDS))}
    assert isinstance(InputBound().check(runs.beside(run, fast).history()), Passed)


@pytest.mark.parametrize(("use", "kind"), [(95.0, Passed), (20.0, Finding)])
def test_a_gpu_that_is_busy_all_the_same_loses_nothing(
    use: float, kind: type, runs: ModuleType
) -> None:
    at = runs.steps()[::10]
    gpu = {"system/gpu_0_utilization_percentage": (at, np.full(len(at), use))}
    assert isinstance(InputBound().check(runs.beside(runs.starved(0), gpu).history()), kind)


def test_without_times_nothing_is_said(runs: ModuleType) -> None:
    run = runs.starved(0)
    without = {key: value for key, value in run.others.items() if key != SECONDS}
    assert isinstance(InputBound().check(replace(run, others=without).history()), Abstained)
    assert isinstance(InputBound().check(runs.healthy(0).history()), Abstained)


@pytest.mark.parametrize(
    ("workers", "suggested"), [(None, "4"), ("2", "8"), ("0", "4"), ("14", "16")]
)
def test_workers_go_from_what_was_to_what_is_needed(
    workers: str | None, suggested: str, runs: ModuleType
) -> None:
    run = replace(
        runs.starved(0), params={} if workers is None else {"dataloader_num_workers": workers}
    )
    finding = InputBound().check(run.history())
    assert isinstance(finding, Finding)
    fix = finding.prescriptions[0]
    assert (fix.current, fix.suggested) == (workers, suggested)


def test_a_loader_that_sleeps_is_found() -> None:
    waits: list[tuple[int, float]] = []
    steps: list[tuple[int, float]] = []
    waited: list[float] = []

    def batches() -> Iterator[torch.Tensor]:
        for _ in range(60):
            time.sleep(0.004)
            yield torch.ones(4, 4)

    began = time.perf_counter()
    for step, batch in enumerate(TimedBatches(batches(), lambda s, _: waited.append(s))):
        batch.sum().item()
        now = time.perf_counter()
        steps.append((step, now - began))
        waits.append((step, min(1.0, waited[-1] / (now - began))))
        began = now
    history = RunHistory.from_series({WAIT: waits, SECONDS: steps}, axis="step")
    finding = InputBound(min_lost_seconds=0.1).check(history)
    assert isinstance(finding, Finding)
    assert finding.evidence[2].value >= 54 * 0.004
