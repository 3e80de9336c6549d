"""What was loaded into a model is not written over."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from tests.prescriptions.builders import Loop
from tuneguard.findings import Prescription
from tuneguard.history import RunHistory
from tuneguard.prescriptions import orders
from tuneguard.prescriptions.loaded_weights import has_loaded_weights, initialise_new_layers

SIZES = '{"trunk": 900, "norm": 20, "head": 40}'
PLAIN = {"num_classes": 10, "tuneguard/loss_graph": "NllLoss < LogSoftmax < Addmm"}


def run_of(params: dict[str, object], first_loss: float = 2.4) -> RunHistory:
    return RunHistory.from_series({"train_loss": [(0, first_loss), (1, 2.0)]}, params)


@pytest.mark.parametrize(
    "params",
    [
        {"pretrained": True},
        {"_name_or_path": "bert-base-uncased"},
        {"model/resume_from_checkpoint": "last.pt", "resumeFromCheckpoint": "last.pt"},
        {"layer_sizes": SIZES, "frozen_layers": '["trunk", "norm"]'},
    ],
)
def test_weights_that_were_loaded_are_seen(params: dict[str, object]) -> None:
    assert has_loaded_weights(run_of(params))


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"pretrained": False, "model_name_or_path": None, "_name_or_path": ""},
        {"layer_sizes": SIZES},
        {
            "layer_sizes": SIZES,
            "frozen_layers": '["trunk", "norm"]',
            "frozen_at_random_layers": '["trunk"]',
        },
        {"layer_sizes": "{", "frozen_layers": '["trunk"]'},
    ],
)
def test_a_model_that_begins_anew_is_taken_for_one(params: dict[str, object]) -> None:
    assert not has_loaded_weights(run_of(params))


@pytest.mark.parametrize(
    ("params", "first_loss", "expected"),
    [(PLAIN, 0.4, True), (PLAIN, 2.2, False), ({"num_classes": 10}, 0.4, False)],
)
def test_a_first_loss_far_below_chance_shows_that_something_is_known(
    params: dict[str, object], first_loss: float, expected: bool
) -> None:
    assert has_loaded_weights(run_of(params, first_loss)) is expected


ORDERS: dict[str, Callable[[RunHistory], tuple[Prescription, ...]]] = {
    "born dead": lambda run: orders.for_units_born_dead(run, 0.9),
    "saturation": lambda run: orders.for_saturation(run, 0.9, None),
    "faded gradients": orders.for_faded_gradients,
    "confident outputs": lambda run: orders.for_confident_outputs(run, 9.0),
    "no learning": orders.for_no_learning,
    "short steps": lambda run: orders.for_short_steps(run, 1e-5),
}


@pytest.mark.parametrize("activation", ["ReLU", "Tanh", None])
@pytest.mark.parametrize("order", ORDERS)
def test_no_layer_that_was_loaded_is_initialised_anew(order: str, activation: str | None) -> None:
    settings = {"activation": activation} if activation else {}
    fresh = ORDERS[order](run_of(settings))
    loaded = ORDERS[order](run_of({**settings, "pretrained": True}))
    rewritten = {"initialisation", "normalisation", "residual"}
    assert any(it.parameter in rewritten for one in fresh for it in one.changes)
    assert not any(it.parameter in rewritten for one in loaded for it in one.changes)
    assert [one.parameter for one in loaded].count("initialisation") == 1


def test_of_a_tuned_model_the_new_layer_is_to_blame_for_confident_outputs() -> None:
    series: dict[str, list[tuple[int, float]]] = {
        f"update_ratio/{layer}": [(0, 4e-3)] for layer in ("stem", "body", "head")
    }
    run = RunHistory.from_series(series, {"pretrained": True}, layers=("stem", "body", "head"))
    first = orders.for_confident_outputs(run, 9.0)[0]
    assert [it.parameter for it in first.changes] == ["last_layer_gain"]


def test_the_code_leaves_alone_what_was_loaded(loop: Loop) -> None:
    loaded = {
        name: value.clone() for name, value in loop.model.state_dict().items() if name[0] != "5"
    }
    with torch.no_grad():
        loop.model[5].weight.fill_(50.0)
    names = loop.execute(initialise_new_layers())
    names["initialise_new_layers"](loop.model, loaded)
    now = loop.model.state_dict()
    assert all(torch.equal(now[name], value) for name, value in loaded.items())
    assert float(now["5.weight"].abs().max()) < 6.0
    assert not now["5.bias"].any()
