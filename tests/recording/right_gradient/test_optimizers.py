"""The gradient, the learning rates and the updates that are recorded under every optimizer."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from tuneguard import keys

Record = Callable[..., Any]
MakeOptimizer = Callable[[nn.Module], torch.optim.Optimizer]

OPTIMIZERS: dict[str, MakeOptimizer] = {
    "SGD, one by one": lambda model: torch.optim.SGD(model.parameters(), 0.1, foreach=False),
    "SGD, foreach": lambda model: torch.optim.SGD(model.parameters(), 0.1, foreach=True),
    "SGD, fused": lambda model: torch.optim.SGD(model.parameters(), 0.1, fused=True),
    "AdamW, foreach": lambda model: torch.optim.AdamW(model.parameters(), 0.1, foreach=True),
    "AdamW, fused": lambda model: torch.optim.AdamW(model.parameters(), 0.1, fused=True),
    "Adagrad, fused": lambda model: torch.optim.Adagrad(model.parameters(), 0.1, fused=True),
    "Adam, capturable rate": lambda model: torch.optim.Adam(model.parameters(), torch.tensor(0.1)),
    "RMSprop": lambda model: torch.optim.RMSprop(model.parameters(), 0.1),
    "Rprop": lambda model: torch.optim.Rprop(model.parameters(), 0.1),
}


@pytest.mark.parametrize("make_optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_every_implementation_of_a_step(
    record: Record, reference: ModuleType, model: nn.Module, make_optimizer: MakeOptimizer
) -> None:
    optimizer = make_optimizer(model)
    expected = []
    with record(model, optimizer) as (guard, memory):
        for inputs in reference.batches(4):
            loss_of = reference.loss_on(inputs)
            before = reference.weights(model)
            expected.append(reference.differentiated(model, loss_of) | reference.rates(optimizer))
            optimizer.zero_grad()
            loss = loss_of(model)
            loss.backward()
            guard.on_after_backward(loss)
            optimizer.step()
            expected[-1] |= reference.updated(model, before)
    memory.must_agree(expected)


@pytest.mark.parametrize("line_search", [None, "strong_wolfe"])
def test_a_closure_that_is_evaluated_often(
    record: Record, reference: ModuleType, model: nn.Module, line_search: str | None
) -> None:
    optimizer = torch.optim.LBFGS(
        model.parameters(), lr=0.5, max_iter=4, line_search_fn=line_search
    )
    evaluations = 0
    expected, losses = [], []
    with record(model, optimizer) as (guard, memory):
        for inputs in reference.batches(4):
            loss_of = reference.loss_on(inputs)

            def closure(loss_of: Callable[[nn.Module], torch.Tensor] = loss_of) -> torch.Tensor:
                nonlocal evaluations
                evaluations += 1
                optimizer.zero_grad()
                loss = loss_of(model)
                loss.backward()
                guard.on_after_backward(loss)
                return loss

            before = reference.weights(model)
            # the gradient of a step is that at its first evaluation, where the step begins
            expected.append(reference.differentiated(model, loss_of) | reference.rates(optimizer))
            losses.append(loss_of(model).item())
            optimizer.step(closure)
            expected[-1] |= reference.updated(model, before)
    assert evaluations > 8
    memory.must_agree(expected)
    assert memory.values(keys.TRAIN_LOSS) == pytest.approx(losses)
    assert keys.SKIPPED_STEPS not in memory.points


def test_a_closure_of_an_ordinary_optimizer(
    record: Record, reference: ModuleType, model: nn.Module
) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.05)
    expected = []
    with record(model, optimizer, accumulate=2) as (guard, memory):
        for inputs in reference.batches(3):

            def closure(inputs: torch.Tensor = inputs) -> torch.Tensor:
                optimizer.zero_grad()
                for part in inputs.chunk(2):
                    loss = reference.loss_on(part)(model)
                    loss.backward()
                    guard.on_after_backward(loss)
                return loss

            before = reference.weights(model)
            halves = [reference.loss_on(part) for part in inputs.chunk(2)]
            expected.append(
                reference.differentiated(
                    model, lambda twin, halves=halves: sum(loss_of(twin) for loss_of in halves)
                )
            )
            optimizer.step(closure)
            expected[-1] |= reference.updated(model, before)
    memory.must_agree(expected)


def test_groups_with_rates_of_their_own_and_one_that_comes_later(
    record: Record, reference: ModuleType, model: nn.Module
) -> None:
    optimizer = torch.optim.AdamW(
        [{"params": [model[0].weight], "lr": 0.01}, {"params": [model[0].bias], "lr": 0.02}]
    )
    expected = []
    with record(model, optimizer) as (guard, memory):
        for step, inputs in enumerate(reference.batches(5)):
            if step == 2:
                optimizer.add_param_group({"params": model[2].parameters(), "lr": 0.04})
            optimizer.param_groups[0]["lr"] *= 0.5
            loss_of = reference.loss_on(inputs)
            before = reference.weights(model)
            expected.append(reference.differentiated(model, loss_of) | reference.rates(optimizer))
            model.zero_grad()
            loss = loss_of(model)
            loss.backward()
            guard.on_after_backward(loss)
            optimizer.step()
            expected[-1] |= reference.updated(model, before)
    memory.must_agree(expected)
    assert [*memory.points["learning_rate/2"]] == [2, 3, 4]
    assert memory.values("update_ratio/2")[:2] == [0.0, 0.0]


def test_a_named_group(record: Record, reference: ModuleType, model: nn.Module) -> None:
    groups = [
        {"params": model[0].parameters(), "name": "trunk"},
        {"params": model[2].parameters(), "lr": torch.tensor(0.5), "name": "head"},
    ]
    optimizer = torch.optim.SGD(groups, lr=0.25)
    with record(model, optimizer) as (guard, memory):
        for inputs in reference.batches(2):
            optimizer.zero_grad()
            loss = reference.loss_on(inputs)(model)
            loss.backward()
            guard.on_after_backward(loss)
            optimizer.step()
            optimizer.param_groups[1]["lr"].mul_(0.5)
    assert memory.values("learning_rate/trunk") == [0.25, 0.25]
    assert memory.values("learning_rate/head") == [0.5, 0.25]


def test_an_optimizer_of_a_part_of_the_model(
    record: Record, reference: ModuleType, model: nn.Module
) -> None:
    optimizer = torch.optim.SGD(model[2].parameters(), lr=0.1)
    expected = []
    with record(model, optimizer) as (guard, memory):
        for inputs in reference.batches(4):
            loss_of = reference.loss_on(inputs)
            before = reference.weights(model)
            expected.append(reference.differentiated(model, loss_of))
            model.zero_grad()
            loss = loss_of(model)
            loss.backward()
            guard.on_after_backward(loss)
            optimizer.step()
            expected[-1] |= reference.updated(model, before)
    memory.must_agree(expected)
    assert memory.values("update_ratio/0") == [0.0, 0.0, 0.0, 0.0]


def test_an_optimizer_that_also_holds_what_is_not_the_models(
    record: Record, reference: ModuleType, model: nn.Module
) -> None:
    temperature = nn.Parameter(torch.tensor(3.0))
    optimizer = torch.optim.SGD([*model.parameters(), temperature], lr=0.1)
    expected = []
    with record(model, optimizer) as (guard, memory):
        for inputs in reference.batches(4):
            scale = temperature.item()
            expected.append(
                reference.differentiated(
                    model,
                    lambda twin, inputs=inputs, scale=scale: (
                        scale * reference.loss_on(inputs)(twin)
                    ),
                )
            )
            optimizer.zero_grad()
            loss = temperature * reference.loss_on(inputs)(model)
            loss.backward()
            guard.on_after_backward(loss)
            optimizer.step()
    memory.must_agree(expected)
    assert temperature.item() != 3.0


class Wrapped(torch.optim.Optimizer):
    """As frameworks wrap an optimizer: an optimizer by name, which no hook can be put on."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer = optimizer

    def zero_grad(self, set_to_none: bool = True) -> None:
        self.optimizer.zero_grad(set_to_none)

    def step(self, closure: Any = None) -> None:
        self.optimizer.step(closure)


def test_an_optimizer_that_is_wrapped(
    record: Record, reference: ModuleType, model: nn.Module
) -> None:
    inner = torch.optim.AdamW(model.parameters(), lr=0.1)
    optimizer = Wrapped(inner)
    expected = []
    with record(model, optimizer) as (guard, memory):
        for inputs in reference.batches(3):
            loss_of = reference.loss_on(inputs)
            before = reference.weights(model)
            expected.append(reference.differentiated(model, loss_of) | reference.rates(inner))
            optimizer.zero_grad()
            loss = loss_of(model)
            loss.backward()
            guard.on_after_backward(loss)
            optimizer.step()
            expected[-1] |= reference.updated(model, before)
    memory.must_agree(expected)


def test_what_is_no_optimizer_is_refused(record: Record, model: nn.Module) -> None:
    with pytest.raises(ValueError, match="not Linear"):
        record(model, model[0]).__enter__()
