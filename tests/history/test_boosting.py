from __future__ import annotations

import pytest

from tuneguard.history import Role, RunHistory
from tuneguard.history.boosting import is_boosting, roles_of_sets
from tuneguard.history.series import Axis

XGBOOST = {"num_boost_round": "100", "max_depth": "6", "eta": "0.3"}


@pytest.mark.parametrize(
    ("params", "boosts"),
    [
        (XGBOOST, True),
        ({"num_boost_round": 100}, True),
        ({"n_estimators": 100, "learning_rate": 0.1, "max_depth": 3}, True),
        ({"n_iter_no_change": 10, "max_leaf_nodes": 31, "learning_rate": 0.1}, True),
        ({"n_iter_no_change": 10, "hidden_layer_sizes": "(100,)", "learning_rate": 0.1}, False),
        ({"n_estimators": 100, "max_depth": 3}, False),
        ({"lr": 0.1, "max_depth": 3, "epochs": 10}, False),
        ({}, False),
    ],
)
def test_boosted_trees_are_known_by_their_settings(
    params: dict[str, object], boosts: bool
) -> None:
    assert is_boosting(params) is boosts


def points(first: float) -> list[tuple[int, float]]:
    return [(step, first / (1 + step)) for step in range(20)]


def test_steps_are_rounds() -> None:
    keys = ("train-rmse", "eval-rmse")
    history = RunHistory.from_series({key: points(1.0) for key in keys}, XGBOOST)
    assert history.roles == {Role.TRAIN_LOSS: "train-rmse", Role.VALIDATION_LOSS: "eval-rmse"}
    assert {one.axis for one in history.series.values()} == {Axis.STEP}
    assert any("boosting round" in note for note in history.notes)


def test_numbered_sets_are_told_apart_and_that_is_said() -> None:
    keys = [f"validation_{number}-{name}" for number in (0, 1, 10, 2) for name in ("rmse", "auc")]
    roles, (note,) = roles_of_sets(keys)
    assert roles == {"train_loss": "validation_0-rmse", "validation_loss": "validation_10-rmse"}
    assert "--map train_loss=KEY" in note


def test_several_held_out_sets_are_an_ambiguity() -> None:
    roles, (note,) = roles_of_sets(["training-l2", "valid_0-l2", "valid_1-l2"])
    assert roles == {"train_loss": "training-l2", "validation_loss": "valid_1-l2"}
    assert "'valid_0-l2' would fit as well" in note


def test_likelihood_comes_before_error_rates_and_scores_are_no_losses() -> None:
    keys = [
        f"{name}-{what}" for name in ("train", "valid") for what in ("auc", "error", "logloss")
    ]
    assert roles_of_sets(keys)[0]["train_loss"] == "train-logloss"
    assert roles_of_sets(["train-auc", "valid-auc"]) == ({}, ())


def test_the_user_knows_better() -> None:
    history = RunHistory.from_series(
        {f"validation_{number}-rmse": points(1.0) for number in (0, 1)},
        XGBOOST,
        roles={"validation_loss": "validation_0-rmse"},
    )
    assert history.roles == {Role.VALIDATION_LOSS: "validation_0-rmse"}
