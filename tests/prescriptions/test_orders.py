"""What is tried first depends on what the run shows."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tuneguard.findings import Change, Prescription
from tuneguard.history import RunHistory
from tuneguard.prescriptions import orders
from tuneguard.prescriptions.learning_rate import ordinary_rate, usual_ratio
from tuneguard.prescriptions.outputs import bound_of_outputs

SMALL_LAST = (Change("last_layer_gain", 0.1),)


def run_of(params: Mapping[str, object], updates: Mapping[str, float] | None = None) -> RunHistory:
    series = {f"update_ratio/{layer}": [(0, one)] for layer, one in (updates or {}).items()}
    return RunHistory.from_series(series, params, layers=tuple(updates or ()))


def first_of(order: tuple[Prescription, ...]) -> tuple[Change, ...]:
    return order[0].changes


@pytest.mark.parametrize(
    ("last", "activation", "expected"),
    [
        (1e-4, "ReLU", SMALL_LAST),
        (4e-3, "ReLU", (Change("initialisation", "kaiming"), *SMALL_LAST)),
        (4e-3, "Tanh", (Change("initialisation", "xavier"), *SMALL_LAST)),
    ],
)
def test_confident_outputs_are_blamed_on_the_layers_whose_weights_are_large(
    last: float, activation: str, expected: tuple[Change, ...]
) -> None:
    run = run_of({"activation": activation}, {"stem": 5e-3, "body": 4e-3, "head": last})
    assert first_of(orders.for_confident_outputs(run, 9.0)) == expected


def test_the_last_layer_is_blamed_where_updates_of_layers_are_not_known() -> None:
    assert first_of(orders.for_confident_outputs(run_of({}), 9.0)) == SMALL_LAST


@pytest.mark.parametrize(("momentum", "setting"), [(0.99, "momentum"), (0.9, "learning_rate")])
def test_much_momentum_comes_before_the_rate_that_it_multiplies(
    momentum: float, setting: str
) -> None:
    run = run_of({"lr": 0.5, "momentum": momentum, "optimizer": "SGD"})
    (change,) = first_of(orders.for_long_steps(run, 0.5, 600.0))
    assert change.parameter == setting


@pytest.mark.parametrize(
    ("rate", "update", "expected"),
    [(0.01, 0.15, 0.001), (0.01, None, 0.001), (0.9, 0.15, 0.003), (0.004, 0.02, 0.0012)],
)
def test_long_steps_are_shortened_to_what_the_optimizer_usually_takes(
    rate: float, update: float | None, expected: float
) -> None:
    run = run_of({"lr": rate, "optimizer": "Adam"})
    (change,) = first_of(orders.for_long_steps(run, update, 600.0))
    assert change.value == pytest.approx(expected)


@pytest.mark.parametrize(("rate", "first"), [(0.05, "batch_size"), (5.0, "learning_rate")])
def test_a_tiny_batch_is_blamed_where_the_rate_is_usual(rate: float, first: str) -> None:
    run = run_of({"lr": rate, "batch_size": 4, "optimizer": "SGD"})
    order = orders.for_long_steps(run, None, 600.0)
    assert order[0].parameter == first
    larger = next(one for one in order if one.parameter == "batch_size")
    assert larger.suggested == "32"


@pytest.mark.parametrize(
    ("steps", "ratio"), [(300, 8e-3), (1000, 4e-3), (4000, 1e-3), (1_000_000, 1e-3)]
)
def test_a_short_run_takes_longer_steps(steps: int, ratio: float) -> None:
    assert usual_ratio(run_of({"planned_steps": steps})) == pytest.approx(ratio)


@pytest.mark.parametrize(
    ("params", "rate"),
    [
        ({"optimizer": "AdamW"}, 1e-3),
        ({"optimizer": "SGD"}, 0.1),
        ({"optimizer": "SGD", "momentum": 0.9}, 0.032),
        ({"optimizer": "SGD", "momentum": 0.999}, 0.032),
        ({}, 1e-3),
    ],
)
def test_the_ordinary_rate_is_that_of_the_optimizer(
    params: dict[str, object], rate: float
) -> None:
    assert ordinary_rate(run_of(params)) == rate


@pytest.mark.parametrize("rate", [0.0, 3e-12])
def test_a_rate_that_moves_nothing_is_replaced_and_not_multiplied(rate: float) -> None:
    run = run_of({"lr": rate, "optimizer": "Adam"})
    assert first_of(orders.for_a_standstill(run, ["0"], is_whole=False)) == (
        Change("learning_rate", 1e-3),
    )
    assert orders.for_short_steps(run, 1e-11)[0].changes == (Change("learning_rate", 1e-3),)


def test_a_layer_that_alone_stands_still_is_given_to_the_optimizer() -> None:
    run = run_of({"lr": 0.01, "optimizer": "Adam"})
    assert first_of(orders.for_a_standstill(run, ["0"], is_whole=False)) == (
        Change("trained_parameters", "all"),
    )


@pytest.mark.parametrize(
    ("activation", "first"),
    [("ReLU", "initialisation"), ("Sigmoid", "activation"), (None, "activation")],
)
def test_fading_is_blamed_on_flat_ends_where_there_are_some(
    activation: str | None, first: str
) -> None:
    run = run_of({"activation": activation} if activation else {})
    assert orders.for_faded_gradients(run)[0].parameter == first


@pytest.mark.parametrize(
    ("graph", "bound"),
    [
        ("NllLoss < LogSoftmax < Mul < Tanh < Addmm", "Tanh"),
        ("MseLoss < Sigmoid < Addmm", "Sigmoid"),
        ("NllLoss < LogSoftmax < Addmm < Tanh", None),
        ("", None),
    ],
)
def test_a_bound_counts_where_nothing_trainable_follows_it(graph: str, bound: str | None) -> None:
    assert bound_of_outputs(run_of({"loss_graph": graph})) == bound


def test_bounded_outputs_and_much_dropout_are_undone_before_the_rate_is_raised() -> None:
    run = run_of({"loss_graph": "MseLoss < Tanh < Addmm", "dropout": 0.9, "lr": 1e-3})
    order = [one.parameter for one in orders.for_no_learning(run)]
    assert order[:4] == ["wiring", "output_activation", "dropout", "learning_rate"]


def test_steps_that_are_long_enough_are_not_made_longer_where_nothing_is_learned() -> None:
    history = RunHistory.from_series(
        {"update_ratio/global": [(step, 5e-3) for step in range(9)]}, {"planned_steps": 600}
    )
    order = [one.parameter for one in orders.for_no_learning(history)]
    assert order == ["wiring", "initialisation", "normalisation"]


@pytest.mark.parametrize(
    ("ratio", "factor"), [(8e-3, 3.0), (1e-3, 16.0), (1e-5, 30.0), (None, 3.0)]
)
def test_a_rate_that_may_be_too_low_is_raised_by_what_updates_leave_room_for(
    ratio: float | None, factor: float
) -> None:
    series = {} if ratio is None else {"update_ratio/global": [(step, ratio) for step in range(9)]}
    run = RunHistory.from_series(series, {"planned_steps": 400, "lr": 1e-3, "optimizer": "Adam"})
    rate = next(one for one in orders.for_a_poor_fit(run, ()) if one.parameter == "learning_rate")
    assert rate.changes == (Change("learning_rate", pytest.approx(1e-3 * factor)),)


@pytest.mark.parametrize(("ratio", "factor"), [(1e-3, 16.0), (7e-3, 3.0), (None, 10.0)])
def test_short_steps_become_twice_as_long_as_they_were_short(
    ratio: float | None, factor: float
) -> None:
    run = run_of({"planned_steps": 400, "lr": 1e-3, "optimizer": "Adam"})
    assert orders.for_short_steps(run, ratio)[0].changes == (
        Change("learning_rate", pytest.approx(1e-3 * factor)),
    )


def test_a_poor_fit_is_put_down_to_one_thing_after_another() -> None:
    run = run_of({"loss_graph": "MseLoss < Tanh < Addmm", "dropout": 0.3, "lr": 1e-3})
    order = [one.parameter for one in orders.for_a_poor_fit(run, ())]
    assert order == ["output_activation", "dropout", "hidden_width", "learning_rate"]


def test_short_steps_are_three_bets_in_size_and_then_in_kind() -> None:
    order = orders.for_short_steps(run_of({"lr": 1e-3, "optimizer": "SGD"}), 1e-4)
    named = [one.parameter for one in order]
    assert named == [
        "learning_rate",
        "learning_rate",
        "initialisation",
        "learning_rate",
        "momentum",
    ]


@pytest.mark.parametrize(
    ("losses", "is_clipped"),
    [([2.3, 2.0, 1.7, 9.0, 1.6], True), ([2.3, 60.0, 1e9, 2.1], False), ([], True)],
)
def test_only_a_run_that_was_healthy_tells_where_to_clip(
    losses: list[float], is_clipped: bool
) -> None:
    run = RunHistory.from_series({"train_loss": list(enumerate(losses))}, {"lr": 0.1})
    found = [one.parameter for one in orders.for_bursts(run, 1.5)]
    assert found == [*(["clip_norm"] if is_clipped else []), "learning_rate", "learning_rate"]
