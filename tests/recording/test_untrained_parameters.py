"""What is found out about the parameters that nothing will change."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import torch
from torch import nn

from tuneguard.recording.layers import Layers
from tuneguard.recording.untrained_parameters import (
    LONGEST_FACT,
    facts_of_parameters,
    is_untrained,
)


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 30), nn.Linear(30, 4))


def facts(model: nn.Module, *trained: nn.Module) -> dict[str, object]:
    optimizers = [torch.optim.SGD(one.parameters(), lr=0.1) for one in trained or (model,)]
    found = facts_of_parameters(Layers(model), optimizers)
    return {name: json.loads(text) for name, text in found.items()}


def trained(layer: nn.Module, steps: int = 3) -> nn.Module:
    """Take a few steps toward something."""
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        sum((one - 0.3).square().sum() for one in layer.parameters()).backward()  # type: ignore[union-attr] # never the 0 that sum begins with
        optimizer.step()
    return layer


def normal(layer: nn.Linear, bias: float) -> nn.Linear:
    nn.init.kaiming_normal_(layer.weight)
    nn.init.constant_(layer.bias, bias)
    return layer


def test_an_optimizer_of_everything_leaves_nothing_out() -> None:
    assert facts(net()) == {"layer_sizes": {"0": 630, "2": 930, "3": 124}}


def test_what_is_in_no_optimizer_is_named() -> None:
    model = net()
    assert facts(model, model[0], model[3])["unoptimized_layers"] == ["2"]


def test_a_layer_of_which_one_parameter_is_left_out_is_named() -> None:
    model = net()
    optimizer = torch.optim.SGD([p for p in model.parameters() if p is not model[2].bias], lr=0.1)
    found = facts_of_parameters(Layers(model), [optimizer])
    assert json.loads(found["unoptimized_layers"]) == ["2"]


def test_frozen_layers_are_not_missing_from_the_optimizer() -> None:
    model = net()
    model[0].requires_grad_(requires_grad=False)
    found = facts(model, model[2], model[3])
    assert found["frozen_layers"] == ["0"]
    assert "unoptimized_layers" not in found


def test_frozen_layers_are_told_apart_by_whether_they_were_trained() -> None:
    model = net()
    trained(model[2])
    model[0].requires_grad_(requires_grad=False)
    model[2].requires_grad_(requires_grad=False)
    assert facts(model)["frozen_layers"] == ["0", "2"]
    assert facts(model)["frozen_at_random_layers"] == ["0"]


LAYERS: dict[str, Callable[[], nn.Module]] = {
    "linear": lambda: nn.Linear(40, 30),
    "linear without bias": lambda: nn.Linear(40, 30, bias=False),
    "convolution": lambda: nn.Conv2d(3, 16, 3),
    "transposed convolution": lambda: nn.ConvTranspose1d(8, 16, 5),
    "recurrent": lambda: nn.GRU(10, 24),
    "kaiming normal": lambda: normal(nn.Linear(200, 100), 0.0),
}


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("seed", range(5))
def test_only_a_layer_as_initialised_looks_untrained(kind: str, seed: int) -> None:
    torch.manual_seed(seed)
    layer = LAYERS[kind]()
    assert is_untrained(list(layer.parameters()))
    trained(layer)
    assert not is_untrained(list(layer.parameters()))


@pytest.mark.parametrize(
    "layer",
    [
        nn.LayerNorm(64),
        nn.BatchNorm1d(64),
        nn.Embedding(100, 16),
        nn.Linear(2, 2),
        normal(nn.Linear(200, 100), 0.01),
        nn.Linear(64, 64, device="meta"),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_where_nobody_can_tell_it_counts_as_trained(layer: nn.Module) -> None:
    assert not is_untrained(list(layer.parameters()))


def test_all_zero_weights_were_not_drawn() -> None:
    layer = nn.Linear(40, 30)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    assert not is_untrained(list(layer.parameters()))


def test_what_is_too_long_for_a_param_is_left_out() -> None:
    model = nn.Sequential(*[nn.Linear(1, 1) for _ in range(700)])
    assert facts(model) == {}
    few = nn.Sequential(*[nn.Linear(1, 1) for _ in range(300)])
    optimizer = torch.optim.SGD(few.parameters(), lr=0.1)
    text = facts_of_parameters(Layers(few), [optimizer])["layer_sizes"]
    assert len(text) <= LONGEST_FACT
