"""What is prescribed to boosted trees runs as it stands, on XGBoost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tuneguard.findings import Change, Prescription
from tuneguard.prescriptions.boosting import grow_weaker_trees, stop_boosting


def _executed(fix: Prescription, **names: Any) -> dict[str, Any]:
    exec(compile(fix.snippet, fix.parameter, "exec"), names)
    return names


def test_boosting_stops_where_no_better_round_follows() -> None:
    xgboost = pytest.importorskip("xgboost")
    numbers = np.random.default_rng(0)
    inputs, targets = numbers.normal(size=(64, 3)), numbers.integers(0, 2, 64)
    fix = stop_boosting(2.0, 0.7, patience=3)
    model = _executed(
        fix,
        xgboost=xgboost,
        params={"n_estimators": 200},
        inputs=inputs,
        targets=targets,
        validation_inputs=inputs[::-1],
        validation_targets=targets,
    )["model"]
    assert fix.changes == (Change("early_stopping_rounds", 3.0),)
    assert model.get_params()["early_stopping_rounds"] == 3
    assert len(model.evals_result()["validation_0"]["logloss"]) < 200


@pytest.mark.parametrize(("given", "depth"), [("8", 4), ("1", 1), ("", 3), ("-1", 3)])
def test_trees_are_half_as_deep(given: str, depth: int) -> None:
    fix = grow_weaker_trees({"max_depth": given})
    assert _executed(fix, params={"eta": 0.1})["params"] == {"eta": 0.1, "max_depth": depth}
    assert fix.changes == (Change("max_depth", float(depth)),)
