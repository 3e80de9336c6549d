"""The gradient that is recorded in mixed and low precision, and in complex numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from tuneguard import keys

Record = Callable[..., Any]


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("unscaled", ["by the step", "before the callback", "after the callback"])
def test_a_grad_scaler(
    record: Record, reference: ModuleType, model: nn.Module, unscaled: str, fused: bool
) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, fused=fused)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**14, growth_interval=2)
    expected = []
    with record(model, optimizer, scaler=scaler) as (guard, memory):
        for step, inputs in enumerate(reference.batches(5)):
            # the third and the fourth step overflow, and are not taken
            loss_of = reference.loss_on(inputs, math.inf if step in {2, 3} else 1.0)
            expected.append(reference.differentiated(model, loss_of))
            optimizer.zero_grad()
            loss = loss_of(model)
            scaler.scale(loss).backward()
            if unscaled == "before the callback":
                scaler.unscale_(optimizer)
            guard.on_after_backward(loss)
            if unscaled == "after the callback":
                scaler.unscale_(optimizer)
            scaler.step(optimizer)
            scaler.update()
    memory.must_agree(expected)
    assert scaler.get_scale() != 2.0**14
    skipped = {step: n for step, n in memory.points[keys.SKIPPED_STEPS].items() if n}
    assert (skipped[2], skipped[3], max(skipped.values())) == (1, 2, 2)


def test_a_grad_scaler_that_is_switched_off(
    record: Record, reference: ModuleType, model: nn.Module
) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    expected = []
    with record(model, optimizer, scaler=scaler) as (guard, memory):
        for inputs in reference.batches(3):
            loss_of = reference.loss_on(inputs)
            expected.append(reference.differentiated(model, loss_of))
            optimizer.zero_grad()
            loss = loss_of(model)
            scaler.scale(loss).backward()
            guard.on_after_backward(loss)
            scaler.step(optimizer)
            scaler.update()
    memory.must_agree(expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_autocast(
    record: Record, reference: ModuleType, model: nn.Module, dtype: torch.dtype
) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10, enabled=dtype == torch.float16)
    as_they_are, in_double = [], []
    with record(model, optimizer, scaler=scaler) as (guard, memory):
        for inputs in reference.batches(5):
            in_double.append(reference.differentiated(model, reference.loss_on(inputs)))
            optimizer.zero_grad()
            with torch.autocast("cpu", dtype):
                loss = reference.loss_on(inputs)(model)
            scaler.scale(loss).backward()
            scaled = reference.as_they_are(model)
            as_they_are.append({key: one / scaler.get_scale() for key, one in scaled.items()})
            guard.on_after_backward(loss)
            scaler.step(optimizer)
            scaler.update()
    memory.must_agree(as_they_are)
    memory.must_agree(in_double, rel=0.03)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_parameters_of_another_precision(
    record: Record, reference: ModuleType, model: nn.Module, dtype: torch.dtype
) -> None:
    model.to(dtype)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
    expected = []
    with record(model, optimizer) as (guard, memory):
        for inputs in reference.batches(4):
            optimizer.zero_grad()
            loss = reference.loss_on(inputs, 63_000.0)(model)
            loss.backward()
            expected.append(reference.as_they_are(model))
            guard.on_after_backward(loss)
            optimizer.step()
    memory.must_agree(expected)
    # more than half precision can hold
    assert max(memory.values(keys.GRADIENT_NORM_GLOBAL)) > 65_504


class Mixed(nn.Module):
    """Layers of several precisions, one of them complex."""

    def __init__(self) -> None:
        super().__init__()
        self.narrow = nn.Linear(6, 4, dtype=torch.bfloat16)
        self.single = nn.Linear(4, 4)
        self.wide = nn.Linear(4, 4, dtype=torch.float64)
        self.phase = nn.Linear(4, 2, dtype=torch.complex64)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        hidden = self.single(self.narrow(inputs.bfloat16()).float())
        return self.phase(self.wide(hidden.double()).to(torch.complex64))


def test_every_precision_in_one_model(record: Record, reference: ModuleType) -> None:
    torch.manual_seed(0)
    model = Mixed()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, foreach=False)
    expected = []
    with record(model, optimizer) as (guard, memory):
        for inputs in reference.batches(4):
            optimizer.zero_grad()
            loss = model(inputs).abs().square().mean()
            loss.backward()
            expected.append(reference.as_they_are(model))
            guard.on_after_backward(loss)
            optimizer.step()
    memory.must_agree(expected)
    assert {"gradient_norm/narrow", "gradient_norm/phase"} < set(memory.points)


@pytest.mark.parametrize("optimizer_class", [torch.optim.SGD, torch.optim.AdamW])
def test_complex_parameters(
    record: Record, reference: ModuleType, optimizer_class: type[torch.optim.Optimizer]
) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 3, dtype=torch.complex64))
    optimizer = optimizer_class(model.parameters(), lr=0.01)
    expected = []
    with record(model, optimizer) as (guard, memory):
        for inputs in reference.batches(4):
            before = reference.weights(model)
            optimizer.zero_grad()
            loss = model(inputs.to(torch.complex64)).abs().square().mean()
            loss.backward()
            expected.append(reference.as_they_are(model))
            guard.on_after_backward(loss)
            optimizer.step()
            expected[-1] |= reference.updated(model, before)
    memory.must_agree(expected)


@pytest.mark.parametrize("size", [1e-18, 1e18])
def test_gradients_of_any_size(
    record: Record, reference: ModuleType, model: nn.Module, size: float
) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    expected = []
    with record(model, optimizer) as (guard, memory):
        for inputs in reference.batches(3):
            optimizer.zero_grad()
            loss = reference.loss_on(inputs, size)(model)
            loss.backward()
            expected.append(reference.as_they_are(model))
            guard.on_after_backward(loss)
            optimizer.step()
    for key in expected[0]:
        assert memory.values(key) == pytest.approx([one[key] for one in expected], rel=1e-4, abs=0)


class Conjugated(nn.Module):
    """A complex parameter whose gradient is a conjugate that torch has not computed yet."""

    def __init__(self) -> None:
        super().__init__()
        self.phase = nn.Linear(3, 2, dtype=torch.complex64, bias=False)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return (self.phase.weight.conj() * inputs[0, 0]).sum()


def test_gradients_that_are_lazily_conjugated(record: Record, reference: ModuleType) -> None:
    torch.manual_seed(0)
    model = Conjugated()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    expected = []
    with record(model, optimizer) as (guard, memory):
        for inputs in reference.batches(3):
            before = reference.weights(model)
            optimizer.zero_grad()
            loss = model(inputs).abs().square()
            loss.backward()
            expected.append(reference.as_they_are(model))
            guard.on_after_backward(loss)
            optimizer.step()
            expected[-1] |= reference.updated(model, before)
    memory.must_agree(expected)
