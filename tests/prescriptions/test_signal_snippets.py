"""What the snippets for the inside of a network do to a network that is ill in that way."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from tests.prescriptions.builders import Loop, prescribe
from tuneguard.findings import Prescription
from tuneguard.history import RunHistory
from tuneguard.prescriptions.initialisation import (
    revive_units,
    smaller_initialisation,
    unit_variance,
)
from tuneguard.prescriptions.signal import leaky_activation
from tuneguard.prescriptions.wiring import join_graph, train_layers, unfreeze

RUN = RunHistory.from_series({}, {"lr": 0.05, "optimizer": "SGD"})


def net(activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(20, 40), activation(), nn.Sequential(nn.Linear(40, 40), activation())
    )


def optimizer_of(*modules: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD([p for one in modules for p in one.parameters()], lr=0.05)


def execute(
    fix: Prescription, model: nn.Module, optimizer: torch.optim.Optimizer | None = None
) -> dict[str, Any]:
    names: dict[str, Any] = {"model": model, "optimizer": optimizer}
    exec(compile(fix.snippet, fix.parameter, "exec"), names)
    return names


def held(optimizer: torch.optim.Optimizer) -> set[int]:
    return {id(one) for group in optimizer.param_groups for one in group["params"]}


def test_units_that_never_fired_fire_again() -> None:
    model = net()
    nn.init.constant_(model[0].bias, -50.0)
    inputs = torch.randn(200, 20)
    assert not model[:2](inputs).any()
    execute(revive_units(1.0), model)
    assert float((model[:2](inputs) > 0).any(0).float().mean()) > 0.9


def test_every_relu_becomes_leaky_wherever_it_is() -> None:
    model = net()
    execute(leaky_activation(RUN), model)
    kinds = [type(one) for one in model.modules()]
    assert nn.ReLU not in kinds
    assert kinds.count(nn.LeakyReLU) == 2


def test_outputs_leave_their_ends() -> None:
    model = net(nn.Tanh)
    with torch.no_grad():
        model[0].weight.mul_(100.0)
    inputs = torch.randn(200, 20)
    assert float((model[:2](inputs).abs() > 0.97).float().mean()) > 0.9
    execute(smaller_initialisation(RUN, 0.95), model)
    assert float((model[:2](inputs).abs() > 0.97).float().mean()) < 0.1


def test_what_was_left_out_is_given_to_the_optimizer_once() -> None:
    model = net()
    optimizer = optimizer_of(model[0])
    fix = train_layers(RUN, ["2.0"])
    for _ in range(2):
        execute(fix, model, optimizer)
    assert held(optimizer) == {id(one) for one in model.parameters()}
    assert [group["lr"] for group in optimizer.param_groups] == [0.05, 0.05]


def test_frozen_layers_train_and_the_optimizer_holds_them() -> None:
    model = net()
    model.requires_grad_(requires_grad=False)
    model[2].requires_grad_(requires_grad=True)
    optimizer = optimizer_of(model[2])
    execute(unfreeze(RUN, ["0"]), model, optimizer)
    assert all(one.requires_grad for one in model.parameters())
    assert held(optimizer) == {id(one) for one in model.parameters()}


def test_what_the_graph_leaves_out_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    model = net()
    model[2](model[:2](torch.randn(8, 20)).detach()).sum().backward()
    execute(join_graph(["0"]), model)
    named = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert named == ["0.weight", "0.bias"]


def test_names_of_layers_cannot_break_out_of_a_snippet() -> None:
    odd = "a'\nraise SystemExit  # "
    for fix in (train_layers(RUN, [odd]), unfreeze(RUN, [odd])):
        model = net()
        execute(fix, model, optimizer_of(model))


def test_units_with_two_ends_become_rectified(loop: Loop) -> None:
    model = loop.execute(prescribe("rectify_with_kaiming"))["model"]
    kinds = [type(module).__name__ for module in model]
    assert "Sigmoid" not in kinds
    assert kinds.count("ReLU") == 2


def test_fresh_weights_end_in_outputs_near_zero(loop: Loop) -> None:
    with torch.no_grad():
        for parameter in loop.model.parameters():
            parameter.mul_(50.0)
    model = loop.execute(prescribe("fresh_weights"))["model"]
    assert float(model.eval()(torch.randn(64, 4)).detach().abs().max()) < 1.0
    assert all(not module.bias.any() for module in model if hasattr(module, "bias"))


def test_recurrent_layers_and_embeddings_are_initialised_anew(loop: Loop) -> None:
    loop.model = torch.nn.Sequential(torch.nn.Embedding(5, 4), torch.nn.GRU(4, 4))
    with torch.no_grad():
        for parameter in loop.model.parameters():
            parameter.fill_(50.0)
    loop.execute(prescribe("matching_weights"))
    assert all(float(one.detach().abs().max()) < 6.0 for one in loop.model.parameters())


@pytest.mark.parametrize("factor", [1e-3, 1.0, 100.0])
def test_each_layer_passes_on_a_variance_of_1_and_keeps_its_pattern(factor: float) -> None:
    model, inputs = net(), torch.randn(500, 20)
    with torch.no_grad():
        for layer in (model[0], model[2][0]):
            layer.weight.mul_(factor)
    before = model[2][0].weight.detach().clone()
    execute(unit_variance(), model)["scale_layers"](model, inputs)
    with torch.no_grad():
        sums = model[2][0](model[:2](inputs))
    assert float(sums.var(0).mean()) == pytest.approx(1.0, rel=1e-3)
    after = model[2][0].weight.detach()
    assert float(nn.functional.cosine_similarity(before.view(-1), after.view(-1), 0)) > 0.999


def test_layers_whose_outputs_have_no_scale_begin_as_they_do_by_themselves() -> None:
    attention = nn.MultiheadAttention(8, 2, batch_first=True)
    recurrent = nn.GRU(8, 8, batch_first=True)
    with torch.no_grad():
        attention.in_proj_weight.zero_()
        attention.out_proj.weight.zero_()
        recurrent.weight_hh_l0.zero_()

    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention, self.recurrent = attention, recurrent

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            read: torch.Tensor = self.recurrent(inputs)[0]
            attended: torch.Tensor = self.attention(read, read, read)[0]
            return attended

    execute(unit_variance(), Reader())["scale_layers"](Reader(), torch.randn(4, 5, 8))
    assert attention.in_proj_weight.any()
    assert attention.out_proj.weight.any()
    assert recurrent.weight_hh_l0.any()
