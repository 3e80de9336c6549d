"""Settings are found under the names that people and frameworks give them."""

from __future__ import annotations

import pytest

from tuneguard.history import Hyperparameters


def test_numbers_are_read_out_of_text() -> None:
    settings = Hyperparameters.from_params({"lr": "1e-3", "optimizer_name": "AdamW", "bs": 32})
    assert (settings.learning_rate, settings.optimizer, settings.batch_size) == (
        0.001,
        "AdamW",
        32,
    )
    assert settings.names == {
        "learning_rate": "lr",
        "optimizer": "optimizer_name",
        "batch_size": "bs",
    }


@pytest.mark.parametrize("unset", ["None", "nan", "inf", "", "-1", "[0.1, 0.2]"])
def test_what_is_no_number_is_unknown(unset: str) -> None:
    assert Hyperparameters.from_params({"max_steps": unset}).planned_steps is None


def test_a_useless_alias_does_not_hide_a_useful_one() -> None:
    settings = Hyperparameters.from_params({"max_steps": "-1", "num_training_steps": "900"})
    assert settings.planned_steps == 900
    assert settings.names["planned_steps"] == "num_training_steps"


def test_the_users_own_param_comes_before_the_recorded_one() -> None:
    params = {"tuneguard/learning_rate": "0.5", "learning_rate": "0.1"}
    assert Hyperparameters.from_params(params).learning_rate == 0.1
