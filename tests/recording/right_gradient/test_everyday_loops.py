"""The gradient that is recorded, in loops without anything special and with a little."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from tuneguard import keys

Record = Callable[..., Any]


@pytest.mark.parametrize("to_none", [True, False])
@pytest.mark.parametrize("cleared", ["before", "after", "by the model"])
def test_zero_grad_of_every_kind(
    record: Record, reference: ModuleType, model: nn.Module, cleared: str, to_none: bool
) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    clearing = model if cleared == "by the model" else optimizer
    expected = []
    with record(model, optimizer) as (guard, memory):
        for inputs in reference.batches(5):
            loss_of = reference.loss_on(inputs)
            before = reference.weights(model)
            expected.append(reference.differentiated(model, loss_of) | reference.rates(optimizer))
            if cleared != "after":
                clearing.zero_grad(set_to_none=to_none)
            loss = loss_of(model)
            loss.backward()
            guard.on_after_backward(loss)
            optimizer.step()
            if cleared == "after":
                clearing.zero_grad(set_to_none=to_none)
            expected[-1] |= reference.updated(model, before)
    memory.must_agree(expected)


def test_a_gradient_that_is_never_cleared_is_recorded_as_it_grows(
    record: Record, reference: ModuleType, model: nn.Module
) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    expected = []
    with record(model, optimizer) as (guard, memory):
        for inputs in reference.batches(4):
            loss = reference.loss_on(inputs)(model)
            loss.backward()
            expected.append(reference.as_they_are(model))
            guard.on_after_backward(loss)
            optimizer.step()
    memory.must_agree(expected)
    assert memory.values("gradient_norm/global") == sorted(memory.values("gradient_norm/global"))


def test_a_learning_rate_schedule(record: Record, reference: ModuleType, model: nn.Module) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    expected = []
    with record(model, optimizer) as (guard, memory):
        for inputs in reference.batches(5):
            expected.append(reference.rates(optimizer))
            optimizer.zero_grad()
            loss = reference.loss_on(inputs)(model)
            loss.backward()
            guard.on_after_backward(loss)
            optimizer.step()
            schedule.step()
    memory.must_agree(expected)
    assert memory.values("learning_rate/0") == [0.1, 0.05, 0.025, 0.0125, 0.00625]


def test_a_gradient_that_is_assigned_by_hand(
    record: Record, reference: ModuleType, model: nn.Module
) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    parameters = list(model.parameters())
    expected = []
    with record(model, optimizer) as (guard, memory):
        for inputs in reference.batches(3):
            loss_of = reference.loss_on(inputs)
            expected.append(reference.differentiated(model, loss_of))
            loss = loss_of(model)
            found = torch.autograd.grad(loss, parameters)
            for parameter, gradient in zip(parameters, found, strict=True):
                parameter.grad = gradient
            guard.on_after_backward(loss)
            optimizer.step()
            optimizer.zero_grad()
    memory.must_agree(expected)


def test_a_loop_that_applies_the_gradient_itself(
    record: Record, reference: ModuleType, model: nn.Module
) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    expected = []
    with record(model, optimizer) as (guard, memory):
        for inputs in reference.batches(3):
            loss_of = reference.loss_on(inputs)
            expected.append(reference.differentiated(model, loss_of))
            model.zero_grad()
            loss = loss_of(model)
            loss.backward()
            guard.on_after_backward(loss)
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter.sub_(parameter.grad, alpha=0.05)
    memory.must_agree(expected)
    assert memory.values(keys.SKIPPED_STEPS) == [1.0, 2.0, 3.0]
    assert "learning_rate/0" not in memory.points


class Branches(nn.Module):
    """Two branches, of which one batch uses one."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Linear(6, 4)
        self.branches = nn.ModuleList([nn.Linear(4, 2), nn.Linear(4, 2), nn.Linear(4, 2)])
        self.used = 0

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.branches[self.used](self.trunk(inputs))


@pytest.mark.parametrize("to_none", [True, False])
def test_branches_that_a_batch_does_not_use(
    record: Record, reference: ModuleType, to_none: bool
) -> None:
    model = Branches()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    expected = []
    with record(model, optimizer) as (guard, memory):
        for step, inputs in enumerate(reference.batches(6)):
            model.used = step % 2
            loss_of = reference.loss_on(inputs)
            # a gradient that was set to zero is one of size zero; the last branch never has any
            own = reference.differentiated(model, loss_of)
            rest = {} if to_none or step == 0 else {"gradient_norm/branches.1": 0.0}
            rest |= {"gradient_norm/branches.0": 0.0} if rest else {}
            expected.append(rest | own)
            optimizer.zero_grad(set_to_none=to_none)
            loss = loss_of(model)
            loss.backward()
            guard.on_after_backward(loss)
            optimizer.step()
    memory.must_agree(expected)


def test_layers_frozen_and_thawed_on_the_way(
    record: Record, reference: ModuleType, model: nn.Module
) -> None:
    model[0].requires_grad_(False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    expected = []
    with record(model, optimizer) as (guard, memory):
        for step, inputs in enumerate(reference.batches(6)):
            model[0].requires_grad_(2 <= step < 4)
            loss_of = reference.loss_on(inputs)
            expected.append(reference.differentiated(model, loss_of))
            optimizer.zero_grad()
            loss = loss_of(model)
            loss.backward()
            guard.on_after_backward(loss)
            optimizer.step()
    memory.must_agree(expected)
    assert [*memory.points["gradient_norm/0"]] == [2, 3]


def test_a_layer_that_the_model_gets_later_is_not_recorded(
    record: Record, reference: ModuleType, model: nn.Module
) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    expected = []
    with record(model, optimizer) as (guard, memory):
        for step, inputs in enumerate(reference.batches(4)):
            if step == 2:
                model.append(nn.Linear(3, 3))
                optimizer.add_param_group({"params": model[3].parameters()})
            loss_of = reference.loss_on(inputs)
            optimizer.zero_grad()
            loss = loss_of(model)
            loss.backward()
            known = nn.Sequential(*model[:3])
            expected.append(reference.as_they_are(known) | reference.rates(optimizer))
            guard.on_after_backward(loss)
            optimizer.step()
    memory.must_agree(expected)


def test_tied_weights_count_once(record: Record, reference: ModuleType) -> None:
    model = nn.Sequential(nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 6))
    model[2].weight = model[0].weight
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    expected = []
    with record(model, optimizer) as (guard, memory):
        for inputs in reference.batches(4):
            loss_of = reference.loss_on(inputs)
            before = reference.weights(model)
            expected.append(reference.differentiated(model, loss_of))
            optimizer.zero_grad()
            loss = loss_of(model)
            loss.backward()
            guard.on_after_backward(loss)
            optimizer.step()
            expected[-1] |= reference.updated(model, before)
    memory.must_agree(expected)


@pytest.mark.parametrize("optimizer_class", [torch.optim.SparseAdam, torch.optim.SGD])
def test_sparse_embedding_gradients(
    record: Record, reference: ModuleType, optimizer_class: type[torch.optim.Optimizer]
) -> None:
    model = nn.Sequential(nn.Embedding(20, 4, sparse=True))
    optimizer = optimizer_class(list(model.parameters()), lr=0.05)
    expected = []
    with record(model, optimizer) as (guard, memory):
        for rows in torch.randint(20, (4, 8), generator=torch.Generator().manual_seed(0)):
            before = reference.weights(model)
            expected.append(
                reference.differentiated(model, lambda twin, rows=rows: twin(rows).square().sum())
            )
            optimizer.zero_grad()
            loss = model(rows).square().sum()
            loss.backward()
            guard.on_after_backward(loss)
            optimizer.step()
            expected[-1] |= reference.updated(model, before)
    memory.must_agree(expected)
