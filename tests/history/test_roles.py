"""Names that frameworks and people use find their roles; ambiguity is reported."""

from __future__ import annotations

import pytest

from tuneguard.exceptions import HistoryFormatError
from tuneguard.history.roles import Role, assign_roles

FRAMEWORKS = {
    "own": (
        ["train/loss", "validation/loss", "gradient_norm/global", "learning_rate/0"],
        {
            Role.TRAIN_LOSS: "train/loss",
            Role.VALIDATION_LOSS: "validation/loss",
            Role.GRADIENT_NORM: "gradient_norm/global",
            Role.LEARNING_RATE: "learning_rate/0",
        },
    ),
    "hugging face": (
        ["loss", "grad_norm", "learning_rate", "epoch", "eval_loss", "eval_runtime"],
        {
            Role.TRAIN_LOSS: "loss",
            Role.VALIDATION_LOSS: "eval_loss",
            Role.GRADIENT_NORM: "grad_norm",
            Role.LEARNING_RATE: "learning_rate",
        },
    ),
    "lightning": (
        ["train_loss_step", "val_loss", "lr-Adam/pg1", "grad_2.0_norm_total"],
        {
            Role.TRAIN_LOSS: "train_loss_step",
            Role.VALIDATION_LOSS: "val_loss",
            Role.LEARNING_RATE: "lr-Adam/pg1",
            Role.GRADIENT_NORM: "grad_2.0_norm_total",
        },
    ),
    "tensorboard": (
        ["Loss/train", "Loss/validation", "Accuracy/train"],
        {Role.TRAIN_LOSS: "Loss/train", Role.VALIDATION_LOSS: "Loss/validation"},
    ),
    "fastai": (
        ["train_loss", "valid_loss", "accuracy"],
        {Role.TRAIN_LOSS: "train_loss", Role.VALIDATION_LOSS: "valid_loss"},
    ),
    "boosting": (
        ["train-logloss", "valid-logloss", "valid-auc"],
        {Role.TRAIN_LOSS: "train-logloss", Role.VALIDATION_LOSS: "valid-logloss"},
    ),
}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_names_of_frameworks(framework: str) -> None:
    keys, expected = FRAMEWORKS[framework]
    assignment = assign_roles(dict.fromkeys(keys, 10))
    assert assignment.roles == expected
    assert assignment.notes == ()


@pytest.mark.parametrize("suffix", ["B", "(B)", "_B_"])
def test_scores_of_ultralytics_are_of_the_validation(suffix: str) -> None:
    keys = [f"metrics/{name}{suffix}" for name in ("mAP50", "mAP50-95", "precision")]
    metrics = assign_roles(dict.fromkeys([*keys, "train/box_loss"], 10)).metrics
    assert [one.key for one in metrics] == keys
    assert {(one.split, one.higher_is_better) for one in metrics} == {("validation", True)}


def test_scores_of_fastai_are_of_the_validation() -> None:
    keys = dict.fromkeys(["train_loss", "valid_loss", "accuracy", "error_rate"], 10)
    found = {one.name: (one.split, one.higher_is_better) for one in assign_roles(keys).metrics}
    assert found == {"accuracy": ("validation", True), "error_rate": ("validation", False)}
    (of_keras,) = assign_roles(dict.fromkeys(["loss", "val_loss", "accuracy"], 10)).metrics
    assert of_keras.split == "train"


def test_scores_of_a_record_come_before_those_of_a_framework() -> None:
    keys = dict.fromkeys(["train/loss", "loss", "val_loss", "validation/loss"], 10)
    roles = assign_roles(keys, is_recorded=True).roles
    assert roles == {Role.TRAIN_LOSS: "train/loss", Role.VALIDATION_LOSS: "validation/loss"}


def test_the_summary_that_hugging_face_writes_at_the_end_is_not_the_training_loss() -> None:
    assignment = assign_roles({"loss": 200, "train_loss": 1, "eval_loss": 5})
    assert assignment.roles[Role.TRAIN_LOSS] == "loss"
    assert assignment.notes == ()


def test_the_evaluation_that_keras_logs_at_step_zero_is_not_the_validation_loss() -> None:
    assignment = assign_roles({"loss": 20, "val_loss": 20, "validation_loss": 1})
    assert assignment.roles[Role.VALIDATION_LOSS] == "val_loss"
    assert assignment.notes == ()


def test_one_loss_by_step_and_by_epoch_is_not_ambiguous() -> None:
    assignment = assign_roles({"train_loss_epoch": 5, "train_loss_step": 500})
    assert assignment.roles[Role.TRAIN_LOSS] == "train_loss_step"
    assert assignment.notes == ()


def test_of_a_loss_logged_twice_the_denser_is_taken() -> None:
    assignment = assign_roles({"train/loss": 10, "tuneguard/train/loss": 500})
    assert assignment.roles[Role.TRAIN_LOSS] == "tuneguard/train/loss"
    assert assignment.notes == ()


def test_several_losses_that_fit_as_well_are_reported() -> None:
    assignment = assign_roles({"train/box_loss": 50, "train/cls_loss": 50})
    assert assignment.roles[Role.TRAIN_LOSS] == "train/box_loss"
    (note,) = assignment.notes
    assert "'train/cls_loss'" in note
    assert "--map train_loss=KEY" in note


def test_the_user_knows_best() -> None:
    assignment = assign_roles({"loss": 10, "my/key": 10}, {"train_loss": "my/key"})
    assert assignment.roles[Role.TRAIN_LOSS] == "my/key"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [({"loss": "loss"}, "No role is called 'loss'"), ({"train_loss": "a"}, "No series is called")],
)
def test_a_wrong_override_is_said(overrides: dict[str, str], message: str) -> None:
    with pytest.raises(HistoryFormatError, match=message):
        assign_roles({"loss": 10}, overrides)


def test_directions_come_from_the_table_or_from_the_user() -> None:
    assignment = assign_roles(
        {"val_acc": 9, "val_wer": 9, "val_speed": 9, "val_luck": 9}, None, {"speed": True}
    )
    assert {metric.key: metric.higher_is_better for metric in assignment.metrics} == {
        "val_acc": True,
        "val_wer": False,
        "val_speed": True,
    }


@pytest.mark.parametrize(
    "key", ["train/loss/max", "system/gpu_0_power_usage_watts", "<b>", "损失"]
)
def test_other_keys_play_no_role(key: str) -> None:
    assert assign_roles({key: 10}).roles == {}


def test_an_error_stands_in_where_nothing_is_called_a_loss() -> None:
    assignment = assign_roles(dict.fromkeys(["mse", "val_mse", "mae"], 10))
    assert assignment.roles == {Role.TRAIN_LOSS: "mse", Role.VALIDATION_LOSS: "val_mse"}
    assert [metric.key for metric in assignment.metrics] == ["mae"]
    assert assignment.notes == (
        "Nothing is called a loss: train_loss was taken from 'mse'.",
        "Nothing is called a loss: validation_loss was taken from 'val_mse'.",
    )


@pytest.mark.parametrize("loss", ["loss", "val_loss"])
def test_beside_a_loss_an_error_is_a_score(loss: str) -> None:
    assignment = assign_roles(dict.fromkeys([loss, "mse", "val_mse"], 10))
    assert set(assignment.roles.values()) == {loss}
    assert [metric.key for metric in assignment.metrics] == ["mse", "val_mse"]
