"""The updates that are recorded, where more than an optimizer changes the weights."""

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


def test_weights_that_the_loop_clips_after_each_step(
    record: Record, reference: ModuleType, model: nn.Module
) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    expected = []
    with record(model, optimizer) as (guard, memory):
        for inputs in reference.batches(5):
            before = reference.weights(model)
            optimizer.zero_grad()
            loss = reference.loss_on(inputs)(model)
            loss.backward()
            guard.on_after_backward(loss)
            optimizer.step()
            expected.append(reference.updated(model, before))
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter.clamp_(-0.1, 0.1)
    memory.must_agree(expected)


def test_weights_that_are_loaded_between_two_steps(
    record: Record, reference: ModuleType, model: nn.Module
) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    first = reference.weights(model)
    expected = []
    with record(model, optimizer) as (guard, memory):
        for inputs in reference.batches(4):
            before = reference.weights(model)
            optimizer.zero_grad()
            loss = reference.loss_on(inputs)(model)
            loss.backward()
            guard.on_after_backward(loss)
            optimizer.step()
            expected.append(reference.updated(model, before))
            model.load_state_dict(first)
    memory.must_agree(expected)


def test_layers_that_are_thawed_on_the_way_have_updates_from_then_on(
    record: Record, reference: ModuleType, model: nn.Module
) -> None:
    model[0].requires_grad_(False)
    optimizer = torch.optim.SGD(model[2].parameters(), lr=0.05)
    expected = []
    with record(model, optimizer) as (guard, memory):
        for step, inputs in enumerate(reference.batches(6)):
            if step == 3:
                model[0].requires_grad_(True)
                optimizer.add_param_group({"params": model[0].parameters(), "lr": 0.02})
            before = reference.weights(model if step >= 3 else model[2])
            optimizer.zero_grad()
            loss = reference.loss_on(inputs)(model)
            loss.backward()
            guard.on_after_backward(loss)
            optimizer.step()
            point = reference.updated(model if step >= 3 else model[2], before)
            if step < 3:
                point["update_ratio/2"] = point.pop("update_ratio/")
            expected.append(point)
    memory.must_agree(expected)


def test_the_updates_of_more_parameters_than_are_read(
    record: Record, reference: ModuleType
) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(*[nn.Linear(6, 6) for _ in range(150)])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with record(model, optimizer) as (guard, memory):
        with torch.no_grad():
            before = reference.weights(model)
        for parameter in model.parameters():
            parameter.grad = torch.randn_like(parameter)
        guard.on_after_backward(1.0)
        optimizer.step()
        ratio = reference.updated(model, before)["update_ratio/global"]
        size = math.sqrt(sum(float(one.square().sum()) for one in before.values()))
    assert memory.values(keys.UPDATE_RATIO_GLOBAL) == pytest.approx([ratio], rel=0.1)
    assert memory.values(keys.UPDATE_NORM_GLOBAL) == pytest.approx([ratio * size], rel=0.1)
