"""Memory that grows for as long as the run goes on."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

from tuneguard.findings import Abstained, Finding, Passed
from tuneguard.history import RunHistory, Series
from tuneguard.rules.memory_growth import MemoryGrowth

PROCESS = "system/process_memory_megabytes"
Courses = dict[str, Callable[[np.random.Generator, np.ndarray], np.ndarray]]

HEALTHY: Courses = {
    "flat": lambda rng, at: 2000.0 + rng.normal(size=len(at)),
    "caches that fill": lambda rng, at: (
        1000.0 + 2000.0 * (1.0 - np.exp(-4.0 * at)) + 5.0 * rng.normal(size=len(at))
    ),
    "slower and slower": lambda rng, at: (
        1000.0 + 600.0 * np.log1p(20.0 * at) + 5.0 * rng.normal(size=len(at))
    ),
    "cached by half of the run": lambda rng, at: (
        1000.0 + 4000.0 * np.minimum(at, 0.5) + 5.0 * rng.normal(size=len(at))
    ),
    "stairs": lambda rng, at: 1000.0 + 500.0 * np.floor(4.0 * at) + 5.0 * rng.normal(size=len(at)),
    "a random walk": lambda rng, at: np.abs(
        4000.0 + 2000.0 * np.cumsum(rng.normal(size=len(at))) / np.sqrt(len(at))
    ),
    "steady and small": lambda rng, at: 2000.0 + 100.0 * at + rng.normal(size=len(at)),
}


def remembering(values: np.ndarray, key: str = PROCESS) -> RunHistory:
    series = Series.from_arrays(key, 40.0 * np.arange(len(values)), values)
    return RunHistory.from_series({key: series}, axis="step")


@pytest.mark.parametrize("seed", range(20))
def test_a_leak_is_found(seed: int, runs: ModuleType) -> None:
    finding = MemoryGrowth().check(runs.leaking(seed).history())
    assert isinstance(finding, Finding)
    assert finding.evidence[1].value == pytest.approx(5.0 * 450.0, rel=0.1)


@pytest.mark.parametrize("kind", HEALTHY)
@pytest.mark.parametrize("count", [60, 300])
def test_growth_that_ends_passes(kind: str, count: int) -> None:
    rng, at = np.random.default_rng(count), np.arange(count) / count
    for seed in range(10):
        outcome = MemoryGrowth().check(remembering(HEALTHY[kind](rng, at)))
        assert isinstance(outcome, Passed), seed


def test_the_growth_of_a_gpu_is_found_beside_a_flat_process() -> None:
    at = np.arange(200.0)
    flat = Series.from_arrays(PROCESS, at, 2000.0 + at % 3)
    key = "system/gpu_1_memory_usage_megabytes"
    grown = Series.from_arrays(key, at, 8000.0 + 30.0 * at)
    finding = MemoryGrowth().check(RunHistory.from_series({PROCESS: flat, key: grown}))
    assert isinstance(finding, Finding)
    assert {one.metric for one in finding.evidence} == {key}
    assert [fix.parameter for fix in finding.prescriptions] == ["kept_tensors", "kept_objects"]
    assert finding.prescriptions[0].current == "30000 MB more every 1,000 steps"


def test_the_memory_of_the_machine_stands_in_for_that_of_the_process() -> None:
    values = 2000.0 + 30.0 * np.arange(100.0)
    machine = "system/system_memory_usage_megabytes"
    assert isinstance(MemoryGrowth().check(remembering(values, machine)), Finding)


def test_the_first_minutes_say_nothing() -> None:
    values = 2000.0 + 30.0 * np.arange(50.0)
    assert isinstance(MemoryGrowth().check(remembering(values)), Abstained)
