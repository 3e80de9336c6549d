"""The first loss, held against that of a uniform guess."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from tuneguard.findings import Abstained, Finding, Passed, Severity
from tuneguard.history import RunHistory, Series
from tuneguard.rules.bad_initial_loss import BadInitialLoss


def test_a_run_that_is_slowed_by_it_is_warned(runs: ModuleType) -> None:
    for seed in range(20):
        finding = BadInitialLoss().check(runs.badly_begun(seed).history())
        assert isinstance(finding, Finding), seed
        assert finding.severity is Severity.WARNING
        assert finding.evidence[0].value == pytest.approx(6.0, rel=0.3)


def test_a_run_that_shrugs_it_off_is_told(runs: ModuleType) -> None:
    run = runs.healthy(0)
    train = run.values("train/loss")
    train[:3] += 5.0 * runs.CHANCE
    finding = BadInitialLoss().check(run.having(train=train).history())
    assert isinstance(finding, Finding)
    assert finding.severity is Severity.INFO


def test_an_overshoot_after_a_good_start_passes(runs: ModuleType) -> None:
    for seed in range(20):
        assert isinstance(BadInitialLoss().check(runs.overshot(seed).history()), Passed), seed


@pytest.mark.parametrize("params", [{}, {"task": "regression", "num_classes": 10}])
def test_without_classes_nobody_can_tell(params: dict[str, object], runs: ModuleType) -> None:
    run = replace(runs.badly_begun(0), params=params)
    assert isinstance(BadInitialLoss().check(run.history()), Abstained)


def test_a_sum_over_the_batch_is_no_bad_start_but_a_mean_is(runs: ModuleType) -> None:
    run = runs.healthy(0)
    train = 32.0 * run.values("train/loss")
    summed = replace(run.having(train=train), params={**runs.PARAMS, "batch_size": 32})
    assert isinstance(BadInitialLoss().check(summed.history()), Passed)
    graph = {"loss_graph": "NllLoss < LogSoftmax < Addmm"}
    mean = replace(summed, params={**summed.params, **graph})
    assert isinstance(BadInitialLoss().check(mean.history()), Finding)


def test_noise_by_a_factor_is_no_bad_start(runs: ModuleType) -> None:
    level = runs.fall(runs.steps(), runs.CHANCE, 0.3)
    found = 0
    for seed in range(60):
        train = level * np.exp(0.7 * runs.noise(seed, runs.STEPS))
        run = runs.healthy(seed).having(train=train)
        found += isinstance(BadInitialLoss().check(run.history()), Finding)
    assert found == 0


def regression(
    spread: float = 4.0,
    *,
    r2: float = 0.0,
    steps: int = 200,
    layers: dict[str, float] | None = None,
) -> RunHistory:
    """A squared error that falls from 50 to a level; by its `R²` that is of predicting the mean.

    Args:
        spread: The level.
        r2: Of all validations.
        steps: How many there are.
        layers: What was measured at the first step.
    """
    at = np.arange(float(steps))
    losses = 50.0 * np.exp(-at / 20.0) + spread
    validated = at[steps // 10 - 1 :: steps // 10]
    series = {
        "train/loss": zip(at, losses, strict=True),
        "validation/loss": zip(validated, losses[validated.astype(int)], strict=True),
        "validation/r2": zip(validated, r2 * (1.0 + 0.1 * (validated % 3)), strict=True),
        **{key: [(0.0, value)] for key, value in (layers or {}).items()},
    }
    params = {
        "task": "regression",
        "loss_graph": "MseLoss < Addmm",
        "optimizer": "Adam",
        "output_units": "1",
        "layer_sizes": '{"first": 480, "last": 41}',
    }
    return RunHistory.from_series(series, params, axis="step", layers=("first", "last"))


def measured(weights: float, gradient: float) -> dict[str, float]:
    """Return what Adam at a rate of 0.01 leaves of weights of such a norm in the last layer."""
    return {
        "update_norm/global": 0.01 * 521**0.5,
        "update_ratio/first": 0.05,
        "update_ratio/last": 0.01 * 41**0.5 / weights,
        "gradient_norm/global": 2.0 * gradient,
        "gradient_norm/last": gradient,
    }


def test_large_outputs_of_a_regression_are_warned_of() -> None:
    finding = BadInitialLoss().check(regression(layers=measured(30.0, 20.0)))
    assert isinstance(finding, Finding)
    assert finding.severity is Severity.WARNING
    assert finding.evidence[0].value == pytest.approx(54.0 / 4.0, rel=0.01)
    assert finding.prescriptions[0].parameter == "last_layer_initialisation"


@pytest.mark.parametrize("layers", [None, measured(0.5, 15.0)])
def test_targets_that_may_be_far_from_0_are_advised_on(layers: dict[str, float] | None) -> None:
    finding = BadInitialLoss().check(regression(layers=layers))
    assert isinstance(finding, Finding)
    assert finding.severity is Severity.INFO
    assert finding.prescriptions[0].parameter == "target_scale"


def test_targets_that_are_soon_found_pass() -> None:
    assert isinstance(BadInitialLoss().check(regression(20.0, steps=2000)), Passed)


def test_where_the_spread_of_the_targets_is_not_known_nobody_can_tell() -> None:
    assert isinstance(BadInitialLoss().check(regression(r2=0.6)), Abstained)


def test_the_unit_of_the_targets_and_of_the_loss_change_nothing() -> None:
    layers = measured(30.0, 20.0)
    scaled = {key: value * (1e3 if "gradient" in key else 1.0) for key, value in layers.items()}
    plain, other = regression(layers=layers), regression(layers=scaled)
    series = {
        key: [(step, value * (1.0 if "r2" in key else 1e3)) for step, value in points(one)]
        if key.split("/")[0] in {"train", "validation"}
        else points(one)
        for key, one in other.series.items()
    }
    rescaled = RunHistory.from_series(series, other.params, axis="step", layers=other.layers)
    found = [BadInitialLoss().check(run) for run in (plain, rescaled)]
    values = [[one.value for one in finding.evidence] for finding in found]
    assert values[0] == pytest.approx(values[1])
    assert len(values[0]) == 3


def points(series: Series) -> list[tuple[float, float]]:
    return list(zip(series.steps, series.values, strict=True))
