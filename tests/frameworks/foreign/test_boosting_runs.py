"""Runs that MLflow's autologging of XGBoost, LightGBM and scikit-learn wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import mlflow
import numpy as np
import pytest

from tuneguard import diagnose, load_run
from tuneguard.boosting import REASON
from tuneguard.diagnosis import Diagnosis
from tuneguard.history import Role, RunHistory

OVERFIT = {"overfitting", "overconfidence"}


@pytest.fixture
def data() -> tuple[Any, ...]:
    """A few samples with much noise: deep trees learn them by heart."""
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(300, 10))
    targets = (inputs[:, :2].sum(1) + 1.5 * generator.normal(size=300) > 0).astype(int)
    return inputs[:100], targets[:100], inputs[100:], targets[100:]


@contextmanager
def autologged(flavour: Any) -> Iterator[Any]:
    flavour.autolog(log_models=False, log_datasets=False, silent=True)
    try:
        with mlflow.start_run() as run:
            yield run.info.run_id
    finally:
        flavour.autolog(disable=True)


def trained_by_xgboost(data: Any, rounds: int, **params: Any) -> RunHistory:
    xgboost = pytest.importorskip("xgboost")
    known, unknown = xgboost.DMatrix(*data[:2]), xgboost.DMatrix(*data[2:])
    settings = {"objective": "binary:logistic", "eval_metric": ["auc", "logloss"], **params}
    with autologged(mlflow.xgboost) as run_id:
        sets = [(known, "train"), (unknown, "validation")]
        xgboost.train(settings, known, rounds, evals=sets, verbose_eval=False)
    return load_run(run_id)


def trained_by_lightgbm(data: Any, rounds: int, **params: Any) -> RunHistory:
    lightgbm = pytest.importorskip("lightgbm")
    known = lightgbm.Dataset(*data[:2])
    unknown = lightgbm.Dataset(*data[2:], reference=known)
    leaves = 2 ** params.pop("max_depth")
    settings = {
        "objective": "binary",
        "metric": ["auc", "binary_logloss"],
        "num_leaves": leaves,
        "min_data_in_leaf": 2,
        "learning_rate": params.pop("eta"),
        "verbose": -1,
    }
    with autologged(mlflow.lightgbm) as run_id:
        lightgbm.train(settings, known, rounds, [known, unknown], ["train", "valid"])
    return load_run(run_id)


def alarms(diagnosis: Diagnosis) -> set[str]:
    return {one.rule for one in diagnosis.all_findings() if str(one.severity) != "info"}


@pytest.mark.parametrize("train", [trained_by_xgboost, trained_by_lightgbm])
def test_trees_that_learn_by_heart_are_named_with_advice_for_trees(
    train: Callable[..., RunHistory], data: Any, tracking_uri: str
) -> None:
    history = train(data, 300, max_depth=7, eta=0.4)
    diagnosis = diagnose(history)
    (finding,) = (one for one in diagnosis.findings if one.rule in OVERFIT)
    assert alarms(diagnosis) <= OVERFIT
    assert finding.prescriptions[0].parameter == "early_stopping_rounds"
    best = int(np.argmin(history.get(Role.VALIDATION_LOSS).values))
    assert f"near round {best}" in finding.prescriptions[0].suggested


@pytest.mark.parametrize("train", [trained_by_xgboost, trained_by_lightgbm])
def test_shallow_trees_raise_no_alarm(
    train: Callable[..., RunHistory], data: Any, tracking_uri: str
) -> None:
    diagnosis = diagnose(train(data, 40, max_depth=1, eta=0.1))
    assert diagnosis.verdict == "healthy"
    unfit = [one.rule_id for one in diagnosis.abstained if one.reason == REASON]
    assert {"TG201", "TG301", "TG305", "TG409"} <= set(unfit)


def test_numbered_sets_of_estimators(data: Any, tracking_uri: str) -> None:
    xgboost = pytest.importorskip("xgboost")
    model = xgboost.XGBClassifier(n_estimators=200, max_depth=6, eval_metric="logloss")
    with autologged(mlflow.xgboost) as run_id:
        model.fit(*data[:2], eval_set=[data[:2], data[2:]], verbose=False)
    history = load_run(run_id)
    assert history.roles[Role.VALIDATION_LOSS] == "validation_1-logloss"
    assert any("XGBoost only numbers" in note for note in history.notes)
    assert alarms(diagnose(history)) & OVERFIT


def test_regression_is_judged_by_its_distance(data: Any, tracking_uri: str) -> None:
    history = trained_by_xgboost(data, 50, objective="reg:squarederror", eval_metric="rmse")
    assert history.roles == {
        Role.TRAIN_LOSS: "train-rmse",
        Role.VALIDATION_LOSS: "validation-rmse",
    }


@pytest.mark.parametrize("name", ["MLPClassifier", "GradientBoostingClassifier"])
def test_final_scores_of_estimators_are_no_course(name: str, data: Any, tracking_uri: str) -> None:
    from sklearn import ensemble, neural_network

    kind = getattr(neural_network, name, None) or getattr(ensemble, name)
    model = kind(random_state=0)
    with autologged(mlflow.sklearn) as run_id:
        model.fit(*data[:2])
    history = load_run(run_id)
    assert diagnose(history).verdict == "inconclusive"
    assert any("RunHistory.from_estimator(model)" in note for note in history.notes)
    assert len(RunHistory.from_estimator(model).get(Role.TRAIN_LOSS)) > 10
