"""An accelerator that idles, on simulated signals."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from tuneguard.findings import Abstained, Finding, Passed
from tuneguard.history import RunHistory, Series
from tuneguard.rules.accelerator_underused import AcceleratorUnderused

COUNT = 120


def with_gpus(
    *gpus: tuple[float, float], count: int = COUNT, seed: int = 0, batch_size: int = 32
) -> RunHistory:
    """Build a run on GPUs of the given utilisation and share of memory in use."""
    rng = np.random.default_rng(seed)
    series: dict[str, Series] = {}
    for number, (use, memory) in enumerate(gpus):
        noisy = np.clip(use + 5.0 * rng.normal(size=count), 0.0, 100.0)
        for key, values in (
            (f"system/gpu_{number}_utilization_percentage", noisy),
            (f"system/gpu_{number}_memory_usage_percentage", np.full(count, memory)),
        ):
            series[key] = Series.from_arrays(key, np.arange(float(count)), values)
    return RunHistory.from_series(series, {"batch_size": batch_size}, axis="step")


@pytest.mark.parametrize("seed", range(20))
def test_an_idle_gpu_with_free_memory_is_found(seed: int) -> None:
    finding = AcceleratorUnderused().check(with_gpus((10.0, 8.0), seed=seed))
    assert isinstance(finding, Finding)
    assert finding.evidence[2].value == 8.0


@pytest.mark.parametrize(
    "gpus",
    [
        [(90.0, 8.0)],
        [(10.0, 85.0)],
        [(10.0, 8.0), (90.0, 30.0)],
        [(40.0, 8.0)],
    ],
    ids=["busy", "full", "another is busy", "half busy"],
)
def test_a_gpu_that_is_busy_or_full_passes(gpus: list[tuple[float, float]]) -> None:
    for seed in range(20):
        assert isinstance(AcceleratorUnderused().check(with_gpus(*gpus, seed=seed)), Passed)


def test_bursts_of_work_pass() -> None:
    history = with_gpus((5.0, 8.0))
    key = "system/gpu_0_utilization_percentage"
    at = history.series[key].steps
    bursts = np.where(at % 5 == 0, 95.0, 5.0)
    changed = {**history.series, key: Series.from_arrays(key, at, bursts)}
    assert isinstance(AcceleratorUnderused().check(RunHistory.from_series(changed)), Passed)


def test_a_short_run_and_one_without_a_gpu_cannot_be_judged(runs: ModuleType) -> None:
    assert isinstance(AcceleratorUnderused().check(with_gpus((10.0, 8.0), count=50)), Abstained)
    outcome = AcceleratorUnderused().check(runs.healthy(0).history())
    assert isinstance(outcome, Abstained)
    assert outcome.needs


@pytest.mark.parametrize(("memory", "batch"), [(8.0, "256"), (15.0, "128"), (38.0, "64")])
def test_the_batch_grows_as_far_as_the_memory_allows(memory: float, batch: str) -> None:
    finding = AcceleratorUnderused().check(with_gpus((10.0, memory)))
    assert isinstance(finding, Finding)
    fix = finding.prescriptions[0]
    assert (fix.parameter, fix.current, fix.suggested) == ("batch_size", "32", batch)
