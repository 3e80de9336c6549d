from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from tuneguard.recording import activations
from tuneguard.recording.units import UnitStatistics


def test_share_of_dead_units_is_that_of_a_count_by_hand(
    measured: Any, of_hooks: Any, silent: Any, lowered: Any
) -> None:
    model = nn.Sequential(
        lowered(nn.Linear(6, 50), 9), nn.ReLU(), nn.Linear(50, 40), nn.ReLU6(), nn.Linear(40, 2)
    )
    inputs = torch.randn(200, 6)
    first = model[1](model[0](inputs))
    expected = {
        "dead_units/1": silent(first),
        "dead_units/3": silent(model[3](model[2](first))),
    }
    assert expected["dead_units/1"] >= 9 / 50
    assert of_hooks(measured(model, lambda: model(inputs).sum())) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (lambda lowered: lowered(nn.Conv2d(3, 8, 3), 2), (4, 3, 9, 9)),
        (lambda lowered: lowered(nn.Conv1d(3, 8, 3), 2), (4, 3, 40)),
        (
            lambda lowered: nn.Sequential(
                nn.Conv1d(3, 8, 3, bias=False), lowered(nn.BatchNorm1d(8), 2)
            ),
            (4, 3, 40),
        ),
        (lambda lowered: lowered(nn.Linear(3, 8), 2), (4, 40, 3)),
        (lambda lowered: lowered(nn.Linear(3, 8), 2), (4, 6, 7, 3)),
    ],
    ids=["images", "signals", "normalised signals", "tokens", "patches"],
)
def test_units_are_channels_or_features_by_the_layer_before(
    layer: Callable[[Any], nn.Module], shape: tuple[int, ...], measured: Any, lowered: Any
) -> None:
    model = nn.Sequential(layer(lowered), nn.ReLU(), nn.Flatten())
    assert measured(model, lambda: model(torch.randn(shape)).sum())["dead_units/1"] == 2 / 8


def test_uses_of_a_shared_module_by_different_layers_are_kept_apart(
    measured: Any, of_hooks: Any, make_shared: Any
) -> None:
    model = make_shared()
    values = of_hooks(measured(model, lambda: model(torch.randn(200, 6)).sum()))
    assert set(values) == {"dead_units/relu", "dead_units/relu.2"}
    assert values["dead_units/relu"] == pytest.approx(0.4)
    assert values["dead_units/relu.2"] >= 0.7


def test_positions_of_a_recurrent_layer_are_one_layer(
    measured: Any, of_hooks: Any, make_recurrent: Any
) -> None:
    model = make_recurrent(40)
    values = of_hooks(measured(model, lambda: model(torch.randn(50, 6)).sum()))
    assert values == {"dead_units/relu": pytest.approx(3 / 8)}


def test_small_batches_count_together_before_silence_means_anything(
    measured: Any, of_hooks: Any, silent: Any
) -> None:
    model = nn.Sequential(nn.Linear(6, 40), nn.ReLU(), nn.Linear(40, 1))
    statistics = UnitStatistics(model)
    batches = torch.randn(8, 16, 6)
    found = [
        of_hooks(measured(model, lambda batch=batch: model(batch).sum(), statistics=statistics))
        for batch in batches
    ]
    assert found[:7] == [{}] * 7
    expected = silent(model[1](model[0](batches.reshape(128, 6))))
    assert found[7] == {"dead_units/1": expected}


@pytest.mark.parametrize(
    "activation",
    [nn.Tanh(), nn.Sigmoid(), nn.Softsign(), nn.Hardtanh(-2.0, 1.0), nn.Hardsigmoid()],
    ids=lambda one: type(one).__name__,
)
def test_saturated_is_where_the_slope_is_below_a_sixteenth_of_the_steepest(
    activation: nn.Module, measured: Any, of_hooks: Any
) -> None:
    model = nn.Sequential(nn.Linear(6, 30), activation, nn.Linear(30, 2))
    inputs = 5 * torch.randn(100, 6)
    at = model[0](inputs).detach().requires_grad_()
    (slope,) = torch.autograd.grad(activation(at).sum(), at)
    near_zero = torch.linspace(-0.5, 0.5, 101, requires_grad=True)
    (slopes,) = torch.autograd.grad(activation(near_zero).sum(), near_zero)
    expected = (slope < 0.0591 * slopes.max()).double().mean().item()
    assert 0.02 < expected < 0.98
    values = of_hooks(measured(model, lambda: model(inputs).sum()))
    assert values == {"saturated_units/1": pytest.approx(expected, abs=2e-3)}


def test_a_softmax_is_saturated_where_one_entry_has_it_all(measured: Any) -> None:
    model = nn.Sequential(nn.Linear(6, 5), nn.Softmax(dim=-1), nn.Linear(5, 2))
    inputs = 20 * torch.randn(100, 6)
    rows = model[1](model[0](inputs)).tolist()
    expected = sum(max(row) > 0.99 for row in rows) / 100
    assert 0 < expected < 1
    values = measured(model, lambda: model(inputs).sum())
    assert values["saturated_units/1"] == pytest.approx(expected)


@pytest.mark.parametrize("wrap", [lambda out: out, lambda out: {"logits": (out, None)}])
def test_what_the_model_returns_is_no_hidden_layer(
    wrap: Callable[[Any], Any], measured: Any, of_hooks: Any
) -> None:
    class Classifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.hidden = nn.Sequential(nn.Linear(6, 30), nn.Tanh())
            self.head = nn.Sequential(nn.Linear(30, 1), nn.Sigmoid())

        def forward(self, inputs: torch.Tensor) -> Any:
            return wrap(self.head(self.hidden(inputs)).squeeze(1))

    model = Classifier()
    found = measured(
        model,
        lambda: sum(one.sum() for one in _flat(model(torch.randn(20, 6))) if one is not None),
    )
    assert set(of_hooks(found)) == {"saturated_units/hidden.1"}


def _flat(output: Any) -> list[Any]:
    return list(output["logits"]) if isinstance(output, dict) else [output]


@pytest.mark.parametrize(
    "activation",
    [nn.LeakyReLU(), nn.GELU(), nn.ELU(), nn.Softplus(), nn.SiLU(), nn.PReLU(), nn.LogSoftmax(1)],
    ids=lambda one: type(one).__name__,
)
def test_activations_without_a_flat_end_are_left_out(
    activation: nn.Module, measured: Any, of_hooks: Any
) -> None:
    model = nn.Sequential(nn.Linear(6, 30), activation, nn.Linear(30, 2))
    assert of_hooks(measured(model, lambda: model(torch.randn(200, 6)).sum())) == {}


def test_a_negative_output_of_hardswish_is_alive(measured: Any) -> None:
    model = nn.Sequential(nn.Linear(1, 3), nn.Hardswish(), nn.Linear(3, 1))
    with torch.no_grad():
        model[0].weight.zero_()
        model[0].bias.copy_(torch.tensor([-9.0, -1.0, 1.0]))
    values = measured(model, lambda: model(torch.randn(200, 1)).sum())
    assert values["dead_units/1"] == pytest.approx(1 / 3)


def test_odd_outputs_are_left_out(measured: Any, of_hooks: Any) -> None:
    class Odd(nn.Tanh):
        def forward(self, inputs: torch.Tensor) -> Any:
            return inputs, inputs

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4)
            self.pair, self.empty, self.complex, self.scalar = (
                Odd(),
                nn.Tanh(),
                nn.Tanh(),
                nn.Tanh(),
            )
            self.softmax = nn.Softmax(dim=1)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            hidden, _ = self.pair(self.layer(inputs))
            self.empty(hidden[:0])
            self.complex(hidden.to(torch.complex64))
            self.softmax(hidden[:, :1])
            return self.scalar(hidden.sum())

    model = Model()
    assert of_hooks(measured(model, lambda: model(torch.randn(9, 4)))) == {}


def test_large_activations_are_looked_at_in_part(
    monkeypatch: pytest.MonkeyPatch, measured: Any, lowered: Any
) -> None:
    monkeypatch.setattr(activations, "LARGEST_SAMPLE", 7000)
    monkeypatch.setattr(activations, "LARGEST_WIDTH", 50)
    looked_at: list[int] = []
    amax = torch.Tensor.amax
    monkeypatch.setattr(
        torch.Tensor,
        "amax",
        lambda self, *args: looked_at.append(self.numel()) or amax(self, *args),
    )
    layers = (lowered(nn.Linear(6, 400), 100), nn.Linear(6, 20), nn.Conv2d(3, 10, 3))
    inputs = (torch.randn(500, 6), torch.randn(2, 500, 6), torch.randn(1, 3, 60, 60))
    for layer, batch in zip(layers, inputs, strict=True):
        model = nn.Sequential(layer, nn.ReLU(), nn.Flatten())
        assert "dead_units/1" in measured(
            model, lambda model=model, batch=batch: model(batch).sum()
        )
    assert looked_at == [50 * 140, 20 * 250, 10 * 12 * 58]


def test_units_before_a_relu_function_are_seen_by_their_gradients(
    measured: Any, silent: Any, make_functional: Any
) -> None:
    model = make_functional()
    inputs = torch.randn(200, 6)
    hidden = nn.functional.relu(model.hidden(inputs))
    values = measured(model, lambda: model(inputs).sum())
    assert values == {
        "zero_gradient_units/hidden": silent(hidden),
        "zero_gradient_units/head": 0.0,
    }
    assert silent(hidden) >= 0.25


def test_gradients_of_small_batches_count_together(
    measured: Any, silent: Any, make_functional: Any
) -> None:
    model = make_functional()
    statistics = UnitStatistics(model)
    batches = torch.randn(8, 16, 6)
    found = [
        measured(model, lambda batch=batch: model(batch).sum(), statistics=statistics)
        for batch in batches
    ]
    assert found[:7] == [{}] * 7
    hidden = nn.functional.relu(model.hidden(batches.reshape(128, 6)))
    assert found[7]["zero_gradient_units/hidden"] == silent(hidden)
