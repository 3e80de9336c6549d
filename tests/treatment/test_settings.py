"""A prescription becomes new parameters, or it cannot be expressed in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.prescriptions.builders import BUILDERS, prescribe
from tuneguard.exceptions import TuneGuardError
from tuneguard.findings import Change, Prescription
from tuneguard.history.hyperparameters import Hyperparameters
from tuneguard.treatment.settings import SETTINGS, Settings

DOCS = Path(__file__).parents[2] / "docs"


def fix(*changes: Change) -> Prescription:
    return Prescription("x", None, "y", "Do.", "Why.", "Cost.", "Look.", "pass", changes)


@pytest.mark.parametrize(
    ("params", "change", "expected"),
    [
        ({"lr": 0.1}, Change("learning_rate", 0.01), {"lr": 0.01}),
        ({"base-lr": 0.1}, Change("learning_rate", 0.5, "multiply"), {"base-lr": 0.05}),
        ({"lr": 1}, Change("learning_rate", 0.1, "multiply"), {"lr": 0.1}),
        ({"wd": 0}, Change("weight_decay", 0.05), {"wd": 0.05}),
        ({"batch_size": 8}, Change("batch_size", 4.0, "multiply"), {"batch_size": 32}),
        ({"hidden_size": 1}, Change("hidden_width", 0.4, "multiply"), None),
        ({"depth": 2}, Change("hidden_layers", 1.0, "add"), {"depth": 3}),
        ({"epochs": 10}, Change("epochs", 20.0), {"epochs": 20}),
        ({"lr": "auto"}, Change("learning_rate", 0.5, "multiply"), None),
        ({"lr": True}, Change("learning_rate", 0.5, "multiply"), None),
        ({"lr": 0.1}, Change("clip_norm", 1.0), None),
        ({"lr": 0.01}, Change("learning_rate", 0.01), None),
    ],
)
def test_a_change_is_applied_where_the_parameters_have_it(
    params: dict[str, Any], change: Change, expected: dict[str, Any] | None
) -> None:
    before = dict(params)
    assert Settings(params).treated(params, fix(change)) == expected
    assert params == before


def test_changes_go_together_or_not_at_all() -> None:
    both = fix(Change("weight_decay", 0.05), Change("optimizer", "adamw"))
    params = {"weight_decay": 0.0}
    assert Settings(params).treated(params, both) is None
    recorded = Hyperparameters(optimizer="AdamW")
    assert Settings(params).treated(params, both, recorded) == {"weight_decay": 0.05}
    named = {"weight_decay": 0.0, "optimizer": "Adam"}
    assert Settings(named).treated(named, both) == {"weight_decay": 0.05, "optimizer": "adamw"}


def test_a_parameter_of_any_name_can_be_said_to_be_a_setting() -> None:
    params = {"optim.eta": 0.1}
    settings = Settings(params, {"learning_rate": "optim.eta"})
    assert settings.known == ("learning_rate",)
    assert settings.treated(params, fix(Change("learning_rate", 0.2))) == {"optim.eta": 0.2}


@pytest.mark.parametrize(
    ("names", "says"),
    [({"speed": "lr"}, "no setting 'speed'"), ({"learning_rate": "eta"}, "not among")],
)
def test_a_name_that_cannot_be_is_refused(names: dict[str, str], says: str) -> None:
    with pytest.raises(TuneGuardError, match=says):
        Settings({"lr": 0.1}, names)


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_every_setting_that_is_prescribed_is_described(name: str) -> None:
    assert {one.parameter for one in prescribe(name).changes} <= set(SETTINGS)


def test_every_setting_is_documented() -> None:
    page = (DOCS / "how-to" / "treat-a-run.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` | {says} |" in page for name, says in SETTINGS.items())
