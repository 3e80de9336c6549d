"""The gradient that is recorded is that before clipping."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

Record = Callable[..., Any]
Clip = Callable[[list[nn.Parameter]], object]

CLIPS = {
    "norm": lambda parameters: nn.utils.clip_grad_norm_(parameters, 0.3),
    "norm, one by one": lambda parameters: nn.utils.clip_grad_norm_(
        parameters, 0.3, foreach=False
    ),
    "largest entry": lambda parameters: nn.utils.clip_grad_norm_(
        parameters, 0.05, norm_type=float("inf")
    ),
    "value": lambda parameters: nn.utils.clip_grad_value_(parameters, 0.05),
    "never reached": lambda parameters: nn.utils.clip_grad_norm_(parameters, 1e6),
}


def gradients_of(model: nn.Module) -> torch.Tensor:
    return torch.cat([one.grad.double().flatten() for one in model.parameters()])


@pytest.mark.parametrize("clip", CLIPS.values(), ids=CLIPS)
@pytest.mark.parametrize("precision", ["full", "mixed", "mixed, fused"])
def test_the_norm_is_that_before_clipping(
    record: Record, reference: ModuleType, model: nn.Module, clip: Clip, precision: str
) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, fused=precision == "mixed, fused")
    scaler = torch.amp.GradScaler("cpu", init_scale=64.0, enabled=precision != "full")
    expected, factors, shares = [], [], []
    with record(model, optimizer, scaler=scaler) as (guard, memory):
        for inputs in reference.batches(4):
            loss_of = reference.loss_on(inputs)
            before = reference.weights(model)
            expected.append(reference.differentiated(model, loss_of))
            optimizer.zero_grad()
            loss = loss_of(model)
            scaler.scale(loss).backward()
            guard.on_after_backward(loss)
            scaler.unscale_(optimizer)
            unclipped = gradients_of(model)
            clip(list(model.parameters()))
            clipped = gradients_of(model)
            factors.append(float(clipped.norm() / unclipped.norm()))
            shares.append(float((clipped != unclipped).double().mean()))
            scaler.step(optimizer)
            scaler.update()
            expected[-1] |= reference.updated(model, before)
    memory.must_agree(expected)
    assert memory.values("gradient_clipping/factor") == pytest.approx(factors, rel=1e-5)
    assert memory.values("gradient_clipping/clipped_fraction") == pytest.approx(shares)


@pytest.mark.parametrize("evaluations", [1, 3])
def test_a_closure_may_clip_after_the_call(
    record: Record, reference: ModuleType, model: nn.Module, evaluations: int
) -> None:
    optimizer: torch.optim.Optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    if evaluations > 1:
        optimizer = torch.optim.LBFGS(model.parameters(), lr=0.01, max_eval=evaluations)
    norms: list[float] = []
    first: list[int] = []

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss: torch.Tensor = loss_of(model)
        loss.backward()
        guard.on_after_backward(loss)
        norms.append(float(nn.utils.clip_grad_norm_(model.parameters(), 0.3)))
        return loss

    with record(model, optimizer) as (guard, memory):
        for inputs in reference.batches(4):
            loss_of = reference.loss_on(inputs)
            first.append(len(norms))
            optimizer.step(closure)
    expected = [norms[position] for position in first]
    assert len(norms) == 4 * evaluations
    assert memory.values("gradient_norm/global") == pytest.approx(expected, rel=1e-5)
    if evaluations > 1:
        assert "gradient_clipping/factor" not in memory.points
    else:
        factors = [0.3 / norm for norm in expected]
        assert memory.values("gradient_clipping/factor") == pytest.approx(factors, rel=1e-3)


def test_without_clipping_nothing_is_said_of_it(
    record: Record, reference: ModuleType, model: nn.Module
) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with record(model, optimizer) as (guard, memory):
        for inputs in reference.batches(3):
            optimizer.zero_grad()
            loss = reference.loss_on(inputs)(model)
            loss.backward()
            guard.on_after_backward(loss)
            optimizer.step()
    assert not [key for key in memory.points if key.startswith("gradient_clipping/")]
