"""The alarms that somebody who followed a run would have heard."""

from __future__ import annotations

import math

import numpy as np

from tuneguard import RunHistory, Severity
from tuneguard.live import alarms, looks
from tuneguard.rules.divergence import Divergence
from tuneguard.rules.non_finite_values import NonFiniteValues

STEPS = 2000


def falling(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=STEPS)
    return 0.3 + 2.0 * np.exp(-np.arange(STEPS) / 200.0) + 0.05 * noise


def run_of(losses: np.ndarray) -> RunHistory:
    points = list(enumerate(losses))
    return RunHistory.from_series({"train/loss": points}, axis="step", status="finished")


def test_a_run_that_learns_raises_none():
    rules = [Divergence, NonFiniteValues]
    for seed in range(5):
        assert list(alarms(looks(run_of(falling(seed)), growth=1.1), rules)) == []


def test_a_fault_is_reported_once_and_not_long_after_it_shows():
    losses = falling(0)
    losses[800:] = math.nan
    heard = list(alarms(looks(run_of(losses), growth=1.1), [NonFiniteValues]))
    assert [(one.rule, one.severity) for one in heard] == [
        ("non-finite-values", Severity.CRITICAL)
    ]
    assert 800.0 <= heard[0].step <= 880.0


def test_a_fault_that_mends_stays_reported():
    losses = falling(0)
    losses[800:1200] += 3.0
    heard = list(alarms(looks(run_of(losses), growth=1.1), [Divergence]))
    assert [one.rule for one in heard] == ["divergence"]
    assert 800.0 < heard[0].seen_at < heard[0].step <= 1200.0


def test_a_stumble_is_not_reported():
    losses = falling(0)
    losses[800:820] += 3.0
    assert list(alarms(looks(run_of(losses), growth=1.1), [Divergence])) == []
