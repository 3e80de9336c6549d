"""Non-finite values: where the first one was, and which ones are part of mixed precision."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from tuneguard import keys
from tuneguard.findings import Abstained, Finding, Passed, Severity
from tuneguard.history import RunHistory
from tuneguard.rules.non_finite_values import NonFiniteValues


@pytest.mark.parametrize("seed", range(20))
def test_the_first_bad_step_is_named(seed: int, runs: ModuleType) -> None:
    finding = NonFiniteValues().check(runs.not_a_number(seed).history())
    assert isinstance(finding, Finding)
    assert finding.first_step == 300 + 10 * seed
    assert finding.severity is Severity.CRITICAL


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["train", "validation"])
def test_one_bad_loss_that_passed_is_a_warning(name: str, value: float, runs: ModuleType) -> None:
    run = runs.healthy(0)
    values = run.values({"train": "train/loss", "validation": "validation/loss"}[name])
    values[20] = value
    finding = NonFiniteValues().check(run.having(**{name: values}).history())
    assert isinstance(finding, Finding)
    assert finding.severity is Severity.WARNING


@pytest.mark.parametrize(
    ("overflows", "is_lasting", "expected"),
    [(5, False, Passed), (20, False, Finding), (3, True, Finding)],
    ids=["the search for a loss scale", "too often", "until the end"],
)
def test_only_a_few_overflowing_gradients_belong_to_loss_scaling(
    overflows: int, is_lasting: bool, expected: type, runs: ModuleType
) -> None:
    for seed in range(20):
        run = runs.healthy(seed)
        norm = run.values("gradient_norm/global")
        picked = np.random.default_rng(seed).choice(runs.STEPS - 1, overflows, replace=False)
        norm[picked] = np.inf
        if is_lasting:
            norm[-1] = np.inf
        assert isinstance(NonFiniteValues().check(run.having(norm=norm).history()), expected), seed


def test_an_overflow_that_reaches_the_loss_is_found(runs: ModuleType) -> None:
    run = runs.healthy(0)
    norm, train = run.values("gradient_norm/global"), run.values("train/loss")
    norm[100] = np.inf
    train[101] = np.nan
    finding = NonFiniteValues().check(run.having(norm=norm, train=train).history())
    assert isinstance(finding, Finding)
    assert [one.metric for one in finding.evidence] == ["gradient_norm/global", "train/loss"]


def test_a_metric_that_is_nan_is_found_and_called_by_its_key(runs: ModuleType) -> None:
    run = runs.healthy(0)
    accuracy = np.append(np.full(29, 0.9), np.nan)
    others = {**run.others, "validation/accuracy": (runs.validated(), accuracy)}
    finding = NonFiniteValues().check(replace(run, others=others).history())
    assert isinstance(finding, Finding)
    assert finding.evidence[0].metric == "validation/accuracy"
    assert finding.evidence[0].value == pytest.approx(1 / 30)


def counted(charted: int, counts: list[tuple[int, float]], stride: int = 1) -> RunHistory:
    """A run of which only the charts can be read."""
    series = {keys.NON_FINITE: counts}
    if charted:
        series[keys.TRAIN_LOSS] = [(step, 2.0 - step / 1e4) for step in range(0, charted, stride)]
    return RunHistory.from_series(series, axis="step")


@pytest.mark.parametrize(
    "counts", [[(1_000, 2_800.0)], [(step, 4.0 * (step - 299)) for step in range(300, 1_001, 50)]]
)
@pytest.mark.parametrize("stride", [1, 10])
def test_a_loss_that_ends_before_the_count_does_is_found(
    counts: list[tuple[int, float]], stride: int
) -> None:
    finding = NonFiniteValues().check(counted(300, counts, stride))
    assert isinstance(finding, Finding)
    assert finding.severity is Severity.CRITICAL
    assert [one.metric for one in finding.evidence] == [keys.NON_FINITE]
    assert finding.first_step == 300 - stride


def test_a_loss_that_never_was_finite_is_found() -> None:
    finding = NonFiniteValues().check(counted(0, [(49, 200.0), (99, 400.0)]))
    assert isinstance(finding, Finding)
    assert finding.evidence[0].value == pytest.approx(4.0)


@pytest.mark.parametrize(
    "counts",
    [
        [(20, 9.0), (990, 18.0)],
        [(20, 9.0), (1_001, 18.0)],
        [(20, 9.0), (1_300, 18.0)],
        [(20, 0.0)],
    ],
    ids=["skipped steps", "the last step skipped", "rarely since", "none"],
)
def test_a_loss_that_goes_on_past_the_count_passes(counts: list[tuple[int, float]]) -> None:
    assert isinstance(NonFiniteValues().check(counted(1_000, counts)), Passed)


def test_a_window_that_is_not_full_yet_is_no_end_of_the_loss() -> None:
    assert isinstance(NonFiniteValues().check(counted(1_000, [(1_030, 90.0)], 20)), Passed)


def test_a_count_alone_that_is_low_says_nothing() -> None:
    assert isinstance(NonFiniteValues().check(counted(0, [(999, 20.0)])), Abstained)
