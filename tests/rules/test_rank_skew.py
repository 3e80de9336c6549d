"""A slow rank, and ranks that disagree, on simulated signals."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from tuneguard.findings import Abstained, Finding, Passed
from tuneguard.history import RunHistory, Series
from tuneguard.rules.rank_skew import RankSkew

COUNT = 400
SKEW, WAIT, GRADIENT = (
    "rank/step_seconds_skew",
    "rank/data_wait_gap",
    "rank/gradient_disagreement",
)


def of_ranks(key: str, values: np.ndarray, seconds: float = 0.5) -> RunHistory:
    at = np.arange(float(len(values)))
    times = {key: values, "time/step_seconds": np.full(len(values), seconds)}
    built = {name: Series.from_arrays(name, at, one) for name, one in times.items()}
    return RunHistory.from_series(built, axis="step")


@pytest.mark.parametrize("seed", range(20))
def test_a_slow_rank_is_found(seed: int, runs: ModuleType) -> None:
    finding = RankSkew().check(runs.skewed(seed).history())
    assert isinstance(finding, Finding)
    assert finding.evidence[0].value == pytest.approx(2.0, rel=0.05)


@pytest.mark.parametrize("seed", range(20))
def test_ranks_alike_pass(seed: int) -> None:
    times = np.exp(0.15 * np.random.default_rng(seed).normal(size=(8, COUNT)))
    skew = times.max(axis=0) / np.median(times, axis=0)
    skew[::50] = 20.0
    assert isinstance(RankSkew().check(of_ranks(SKEW, skew)), Passed)


def test_a_rank_that_is_slow_for_a_while_passes() -> None:
    skew = np.where(np.arange(COUNT) < 200, 3.0, 1.05)
    assert isinstance(RankSkew().check(of_ranks(SKEW, skew)), Passed)


def test_milliseconds_lost_pass() -> None:
    assert isinstance(RankSkew().check(of_ranks(SKEW, np.full(COUNT, 2.0), 0.001)), Passed)


@pytest.mark.parametrize(("gap", "kind"), [(0.4, Finding), (0.1, Passed)])
def test_a_rank_that_waits_longer_for_data_is_found(gap: float, kind: type) -> None:
    assert isinstance(RankSkew().check(of_ranks(WAIT, np.full(COUNT, gap))), kind)


@pytest.mark.parametrize(
    ("disagreement", "kind"), [(0.3, Finding), (np.inf, Finding), (1e-6, Passed), (0.0, Passed)]
)
def test_gradients_that_differ_are_found(disagreement: float, kind: type) -> None:
    outcome = RankSkew().check(of_ranks(GRADIENT, np.full(COUNT, disagreement), 0.001))
    assert isinstance(outcome, kind)
    if isinstance(outcome, Finding):
        assert outcome.prescriptions[0].parameter == "gradient_synchronisation"


def test_one_rank_and_few_steps_cannot_be_judged(runs: ModuleType) -> None:
    assert isinstance(RankSkew().check(runs.healthy(0).history()), Abstained)
    assert isinstance(RankSkew().check(of_ranks(SKEW, np.full(60, 2.0))), Abstained)
