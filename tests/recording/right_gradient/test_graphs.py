"""The gradient that is recorded where torch changes how it is computed."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

Record = Callable[..., Any]

# the compiler warns of what it does itself
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*torch.jit.* is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf"),
]


def test_a_compiled_model(record: Record, reference: ModuleType, model: nn.Module) -> None:
    compiled = torch.compile(model, backend="aot_eager")
    optimizer = torch.optim.SGD(compiled.parameters(), lr=0.05)
    expected = []
    with record(compiled, optimizer) as (guard, memory):
        for inputs in reference.batches(4):
            loss_of = reference.loss_on(inputs)
            before = reference.weights(model)
            expected.append(reference.differentiated(model, loss_of))
            optimizer.zero_grad()
            loss = loss_of(compiled)
            loss.backward()
            guard.on_after_backward(loss)
            optimizer.step()
            expected[-1] |= reference.updated(model, before)
    memory.must_agree(expected)


def test_a_part_that_is_compiled_in_place(
    record: Record, reference: ModuleType, model: nn.Module
) -> None:
    twin = copy.deepcopy(model)
    model[0].compile(backend="eager")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    expected = []
    with record(model, optimizer) as (guard, memory):
        for inputs in reference.batches(3):
            twin.load_state_dict(model.state_dict())
            expected.append(reference.differentiated(twin, reference.loss_on(inputs)))
            optimizer.zero_grad()
            loss = reference.loss_on(inputs)(model)
            loss.backward()
            guard.on_after_backward(loss)
            optimizer.step()
    memory.must_agree(expected)


def test_a_compiled_step(
    record: Record, reference: ModuleType, model: nn.Module, caplog: pytest.LogCaptureFixture
) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=torch.tensor(0.05))
    step = torch.compile(optimizer.step, backend="eager")
    expected = []
    with record(model, optimizer) as (guard, memory):
        for inputs in reference.batches(12):
            before = reference.weights(model)
            expected.append(reference.differentiated(model, reference.loss_on(inputs)))
            optimizer.zero_grad()
            loss = reference.loss_on(inputs)(model)
            loss.backward()
            guard.on_after_backward(loss)
            step()
            expected[-1] |= reference.updated(model, before)
    memory.must_agree(expected)
    assert "recompile" not in caplog.text


def test_a_loop_body_that_is_compiled_whole(
    record: Record, reference: ModuleType, model: nn.Module, caplog: pytest.LogCaptureFixture
) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    expected = []
    with record(model, optimizer) as (guard, memory):

        def body(inputs: torch.Tensor) -> None:
            optimizer.zero_grad()
            loss = reference.mean_loss(model, inputs)
            loss.backward()
            guard.on_after_backward(loss)
            optimizer.step()

        compiled = torch.compile(body, backend="eager")
        for inputs in reference.batches(12):
            before = reference.weights(model)
            expected.append(reference.differentiated(model, reference.loss_on(inputs)))
            compiled(inputs)
            expected[-1] |= reference.updated(model, before)
    memory.must_agree(expected)
    assert "recompile" not in caplog.text


class Checkpointed(nn.Module):
    """Computes its hidden layers a second time in the backward pass."""

    def __init__(self, *, reentrant: bool) -> None:
        super().__init__()
        self.first = nn.Linear(6, 8)
        self.hidden = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, 3))
        self.reentrant = reentrant

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        hidden = self.first(inputs)
        return checkpoint(self.hidden, hidden, use_reentrant=self.reentrant)


# how torch 2.4 computes a checkpoint again
@pytest.mark.filterwarnings("ignore:`torch.cpu.amp.autocast:FutureWarning")
@pytest.mark.parametrize("reentrant", [False, True])
def test_activation_checkpointing(record: Record, reference: ModuleType, reentrant: bool) -> None:
    torch.manual_seed(0)
    model = Checkpointed(reentrant=reentrant)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    expected = []
    with record(model, optimizer) as (guard, memory):
        for step, inputs in enumerate(reference.batches(4)):
            twin = copy.deepcopy(model)
            torch.manual_seed(step)
            twin.hidden(twin.first(inputs)).square().mean().backward()
            expected.append(reference.as_they_are(twin))
            optimizer.zero_grad()
            torch.manual_seed(step)
            loss = reference.loss_on(inputs)(model)
            loss.backward()
            guard.on_after_backward(loss)
            optimizer.step()
    memory.must_agree(expected)


def test_a_graph_that_is_kept_for_a_second_derivative(
    record: Record, reference: ModuleType, model: nn.Module
) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)

    def penalised(one: nn.Module, inputs: torch.Tensor) -> torch.Tensor:
        inputs = inputs.to(next(one.parameters()).dtype).requires_grad_()
        outputs = one(inputs).square().mean()
        (slope,) = torch.autograd.grad(outputs, inputs, create_graph=True)
        return outputs + slope.square().sum()

    expected = []
    with record(model, optimizer) as (guard, memory):
        for inputs in reference.batches(3):
            expected.append(
                reference.differentiated(
                    model, lambda twin, inputs=inputs: penalised(twin, inputs)
                )
            )
            optimizer.zero_grad()
            loss = penalised(model, inputs)
            loss.backward(inputs=list(model.parameters()))
            guard.on_after_backward(loss)
            optimizer.step()
    memory.must_agree(expected)


def test_a_model_that_is_recorded_can_be_copied_and_saved(
    record: Record, reference: ModuleType, model: nn.Module
) -> None:
    optimizer = torch.optim.AdamW(model.parameters())
    average = torch.optim.swa_utils.AveragedModel(model)
    with record(model, optimizer) as (guard, memory):
        for inputs in reference.batches(3):
            optimizer.zero_grad()
            loss = reference.loss_on(inputs)(model)
            loss.backward()
            guard.on_after_backward(loss)
            optimizer.step()
            average.update_parameters(model)
            copy.deepcopy(model)(inputs)
            copy.deepcopy(optimizer)
            torch.save((model, optimizer), io.BytesIO())
    assert len(memory.values("gradient_norm/global")) == 3
