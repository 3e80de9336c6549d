"""Chance level: known of a classification, in whatever unit; else the first loss stands in."""

from __future__ import annotations

import math

import pytest

from tuneguard.chance import chance_at_most, first_over_chance, reference_level
from tuneguard.history import RunHistory

FALLING = [2.3 * 0.9**step for step in range(30)]


def run(losses: list[float], first: int = 0, axis: str = "step", **params: object) -> RunHistory:
    points = list(enumerate(losses, start=first))
    return RunHistory.from_series({"train/loss": points}, params, axis=axis)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "params",
    [
        {"num_classes": 10},
        {"tuneguard/output_units": 10, "task": "classification"},
        {"num_labels": "10", "output_units": 999},
        {"num_classes": 10, "task": "classification"},
    ],
    ids=["declared", "last layer", "declared before last layer", "task"],
)
def test_a_classification_has_the_cross_entropy_of_a_guess(params: dict[str, object]) -> None:
    reference = reference_level(run(FALLING, **params))
    assert reference is not None
    assert (reference.kind, reference.level) == ("chance", math.log(10.0))


@pytest.mark.parametrize("unit", [1e3, 1e-3, 64.0], ids=["thousand", "thousandth", "batch sum"])
def test_chance_level_is_known_in_other_units(unit: float) -> None:
    losses = [unit * loss for loss in FALLING]
    reference = reference_level(run(losses, num_classes=10, batch_size=64))
    assert reference is not None
    assert reference.kind == "chance"
    assert reference.level == pytest.approx(unit * math.log(10.0))


@pytest.mark.parametrize(
    "params",
    [{}, {"num_classes": 1}, {"num_classes": 10, "task": "regression"}, {"num_classes": 1_000}],
    ids=["nothing known", "one class", "regression", "another first loss"],
)
def test_else_the_first_loss_stands_in(params: dict[str, object]) -> None:
    reference = reference_level(run(FALLING, **params))
    assert reference is not None
    assert (reference.kind, reference.level) == ("start", 2.3)


@pytest.mark.parametrize("factor", [0.4, 8.0])
def test_a_first_loss_far_from_chance_is_its_own_reference(factor: float) -> None:
    reference = reference_level(run([factor * loss for loss in FALLING], num_classes=10))
    assert reference is not None
    assert reference.kind == "start"


@pytest.mark.parametrize(
    "history",
    [
        RunHistory.from_series({}),
        RunHistory.from_series({"val_loss": list(enumerate(FALLING))}),
        run(FALLING[:5]),
        run(FALLING, first=10),
        run(FALLING, axis="epoch"),
        run([math.nan, *FALLING]),
        run([math.inf, *FALLING]),
        run([0.0, *FALLING]),
        run([loss - 50.0 for loss in FALLING]),
    ],
    ids=["empty", "unrecorded", "short", "late", "epochs", "NaN", "infinite", "zero", "negative"],
)
def test_without_a_positive_start_there_is_no_reference(history: RunHistory) -> None:
    assert reference_level(history) is None


@pytest.mark.parametrize(
    ("metric", "kind"), [("accuracy", "chance"), ("binary_accuracy", "chance"), ("r2", "start")]
)
def test_outputs_are_classes_only_where_a_metric_says_so(metric: str, kind: str) -> None:
    series = {
        "train/loss": list(enumerate([0.5 * loss for loss in FALLING])),
        f"validation/{metric}": [(step, 0.5) for step in range(30)],
    }
    reference = reference_level(
        RunHistory.from_series(series, {"tuneguard/output_units": 3}, axis="step")
    )
    assert reference is not None
    assert reference.kind == kind


def test_a_regression_with_few_outputs_has_no_chance_level() -> None:
    reference = reference_level(run(FALLING, **{"tuneguard/output_units": 10}))
    assert reference is not None
    assert reference.kind == "start"


def regression(errors: list[float], scores: list[float]) -> RunHistory:
    steps = [20 * (index + 1) for index in range(len(errors))]
    return RunHistory.from_series(
        {
            "train/loss": [(step, 3.0 * 0.99**step) for step in range(200)],
            "validation/loss": list(zip(steps, errors, strict=True)),
            "validation/r2": list(zip(steps, scores, strict=True)),
        },
        axis="step",
    )


SCORES = [-0.5, 0.2, 0.5, 0.8, 0.9]


def test_a_regression_knows_chance_by_its_coefficient_of_determination() -> None:
    history = regression([2.0 * (1.0 - score) for score in SCORES], SCORES)
    reference = reference_level(history)
    assert reference is not None
    assert reference.kind == "chance"
    assert reference.level == pytest.approx(2.0)
    assert first_over_chance(history) == pytest.approx(1.5)


def test_another_loss_than_the_squared_error_says_nothing_of_the_spread() -> None:
    history = regression([2.0 * (1.0 - score) ** 0.5 for score in SCORES], SCORES)
    reference = reference_level(history)
    assert reference is not None
    assert reference.kind == "start"
    assert first_over_chance(history) is None


def rows(losses: list[float], accuracy: list[float], **params: object) -> RunHistory:
    series = {
        "train_loss": enumerate(losses),
        "val_loss": enumerate(losses),
        "val_accuracy": enumerate(accuracy),
    }
    return RunHistory.from_series(series, params, axis="epoch")


def test_rows_of_epochs_tell_chance_where_the_run_only_guesses() -> None:
    reference = reference_level(
        rows([1.62, 1.61, 1.6, 1.2, 0.9, 0.7], [0.2, 0.2, 0.24, 0.5, 0.6, 0.7])
    )
    assert reference is not None
    assert reference.level == pytest.approx(math.log(5.0))
    assert "guessed" in reference.words


@pytest.mark.parametrize(
    ("params", "classes"),
    [({"num_classes": 12}, 12), ({"task": "regression"}, None), ({}, None)],
    ids=["declared", "another task", "nothing known"],
)
def test_rows_that_begin_when_much_was_learned_need_the_classes(
    params: dict[str, object], classes: int | None
) -> None:
    losses, accuracy = [1.2, 0.9, 0.7, 0.6, 0.55, 0.5], [0.6, 0.7, 0.8, 0.8, 0.8, 0.8]
    reference = reference_level(rows(losses, accuracy, **params))
    assert (reference.level if reference is not None else None) == (
        pytest.approx(math.log(classes)) if classes is not None else None
    )


def test_rows_far_above_the_chance_of_declared_classes_are_of_another_loss() -> None:
    losses, accuracy = [120.0, 90.0, 70.0, 60.0, 55.0, 50.0], [0.6, 0.7, 0.8, 0.8, 0.8, 0.8]
    assert reference_level(rows(losses, accuracy, num_classes=10)) is None


@pytest.mark.parametrize(
    ("accuracy", "params", "level"),
    [
        ([0.2, 0.3, 0.4, 0.5], {}, math.log(10.0)),
        ([0.2, 0.3, 0.4, 0.5], {"num_classes": 5}, math.log(5.0)),
        ([0.2, 0.7, 0.8, 0.9], {}, None),
        ([0.2, 0.3, 0.4, 0.5], {"task": "regression"}, None),
    ],
    ids=["worst accuracy", "declared", "mostly right", "no classes"],
)
def test_rows_have_a_chance_level_of_at_most_so_many_classes(
    accuracy: list[float], params: dict[str, object], level: float | None
) -> None:
    rows = {"loss": [3.0] * 4, "val_loss": [3.0] * 4, "val_accuracy": accuracy}
    series = {key: list(enumerate(values)) for key, values in rows.items()}
    found = chance_at_most(RunHistory.from_series(series, params, axis="epoch"))
    assert (found and found.level) == (level and pytest.approx(level))
