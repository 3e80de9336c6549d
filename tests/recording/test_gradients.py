from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from tuneguard.recording.gradients import gradient_norms
from tuneguard.recording.layers import Layers


def reference(parameters: list[nn.Parameter]) -> float:
    return float(nn.utils.clip_grad_norm_(parameters, math.inf))


def total(norms: torch.Tensor) -> float:
    return float(norms.double().square().sum().sqrt())


class Compiled(nn.Module):
    """As `torch.compile` wraps a module."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self._orig_mod = model


@pytest.fixture
def trained(model: nn.Module, inputs: torch.Tensor) -> list[nn.Parameter]:
    model(inputs).square().sum().backward()
    return list(model.parameters())


def test_norms_agree_with_torch(trained: list[nn.Parameter]) -> None:
    positions, norms = gradient_norms(trained)
    assert positions == (0, 1, 2, 3)
    assert norms.tolist() == pytest.approx([float(one.grad.norm()) for one in trained])
    assert total(norms) == pytest.approx(reference(trained))


def test_the_public_way_gives_the_same(
    trained: list[nn.Parameter], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, expected = gradient_norms(trained)
    monkeypatch.delattr(torch, "_foreach_norm")
    _, norms = gradient_norms(trained)
    torch.testing.assert_close(norms, expected)


def test_a_parameter_without_gradient_is_left_out(trained: list[nn.Parameter]) -> None:
    trained[1].grad = None
    positions, norms = gradient_norms(trained)
    assert positions == (0, 2, 3)
    assert total(norms) == pytest.approx(reference(trained))


def test_no_gradients_at_all() -> None:
    assert gradient_norms([nn.Parameter(torch.ones(3))])[0] == ()


def test_a_sparse_gradient_counts_as_the_dense_one() -> None:
    rows = torch.tensor([1, 3, 1, 1])
    norms = []
    for is_sparse in (True, False):
        torch.manual_seed(0)
        embedding = nn.Embedding(5, 4, sparse=is_sparse)
        embedding(rows).square().sum().backward()
        norms.append(gradient_norms(embedding.parameters())[1])
    torch.testing.assert_close(*norms)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_does_not_overflow(dtype: torch.dtype) -> None:
    parameter = nn.Parameter(torch.zeros(4, dtype=dtype))
    parameter.grad = torch.full((4,), 60_000.0, dtype=dtype)
    assert total(gradient_norms([parameter])[1]) == pytest.approx(120_000.0, rel=0.01)


def test_norms_of_several_devices_come_together_where_nobody_has_to_wait() -> None:
    parameters = [nn.Parameter(torch.ones(3, device=device)) for device in ("cpu", "meta", "cpu")]
    for parameter in parameters:
        parameter.grad = torch.ones_like(parameter)
    positions, norms = gradient_norms(parameters)
    assert positions == (0, 2, 1)
    assert norms.device.type == "meta"


def test_layers_are_modules_in_their_order(model: nn.Module) -> None:
    assert Layers(model).names == ("0", "3")
    assert Layers(nn.Linear(2, 2)).names == ("Linear",)
    assert Layers(nn.DataParallel(model)).names == ("0", "3")
    assert Layers(Compiled(nn.Sequential(Compiled(model)))).names == ("0.0", "0.3")


def test_a_shared_parameter_counts_once() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    model[1].weight = model[0].weight
    assert len(Layers(model).parameters) == 3
