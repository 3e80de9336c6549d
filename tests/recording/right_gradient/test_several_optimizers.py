"""The gradient that is recorded where several optimizers train a model."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from tuneguard import keys

Record = Callable[..., Any]


def halves(model: nn.Module, **options: Any) -> list[torch.optim.Optimizer]:
    return [
        torch.optim.SGD(model[0].parameters(), lr=0.05, **options),
        torch.optim.SGD(model[2].parameters(), lr=0.01, **options),
    ]


@pytest.mark.parametrize("every", [1, 3])
def test_two_optimizers_one_of_them_stepped_less_often(
    record: Record, reference: ModuleType, model: nn.Module, every: int
) -> None:
    optimizers = halves(model)
    expected = []
    with record(model, optimizers) as (guard, memory):
        for step, inputs in enumerate(reference.batches(6)):
            loss_of = reference.loss_on(inputs)
            before = reference.weights(model)
            optimizers[0].param_groups[0]["lr"] *= 0.9
            expected.append(
                reference.differentiated(model, loss_of) | reference.rates(*optimizers)
            )
            model.zero_grad()
            loss = loss_of(model)
            loss.backward()
            guard.on_after_backward(loss)
            optimizers[0].step()
            if step % every == 0:
                optimizers[1].step()
            expected[-1] |= reference.updated(model, before)
    memory.must_agree(expected)
    assert [*memory.points[keys.TRAIN_LOSS]] == list(range(6))
    assert keys.SKIPPED_STEPS not in memory.points


def test_a_dense_and_a_sparse_one(record: Record, reference: ModuleType) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(20, 4, sparse=True), nn.Linear(4, 2))
    optimizers = [
        torch.optim.SparseAdam(model[0].parameters(), lr=0.05),
        torch.optim.AdamW(model[1].parameters(), lr=0.01),
    ]
    expected = []
    with record(model, optimizers) as (guard, memory):
        for rows in torch.randint(20, (5, 8), generator=torch.Generator().manual_seed(0)):
            before = reference.weights(model)
            expected.append(
                reference.differentiated(model, lambda twin, rows=rows: twin(rows).square().mean())
                | reference.rates(*optimizers)
            )
            model.zero_grad()
            loss = model(rows).square().mean()
            loss.backward()
            guard.on_after_backward(loss)
            for optimizer in optimizers:
                optimizer.step()
            expected[-1] |= reference.updated(model, before)
    memory.must_agree(expected)


@pytest.mark.parametrize("unscaled", [(), (0,), (1,), (0, 1)], ids=str)
@pytest.mark.parametrize("fused", [False, True])
def test_a_grad_scaler_that_unscales_some_of_them_before_the_callback(
    record: Record,
    reference: ModuleType,
    model: nn.Module,
    unscaled: tuple[int, ...],
    fused: bool,
) -> None:
    optimizers = halves(model, fused=fused)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    expected = []
    with record(model, optimizers, scaler=scaler) as (guard, memory):
        for step, inputs in enumerate(reference.batches(5)):
            loss_of = reference.loss_on(inputs, float("inf") if step == 2 else 1.0)
            expected.append(reference.differentiated(model, loss_of))
            model.zero_grad()
            loss = loss_of(model)
            scaler.scale(loss).backward()
            for one in unscaled:
                scaler.unscale_(optimizers[one])
            guard.on_after_backward(loss)
            for optimizer in optimizers:
                scaler.step(optimizer)
            scaler.update()
    memory.must_agree(expected)
    skipped = {step: count for step, count in memory.points[keys.SKIPPED_STEPS].items() if count}
    assert (min(skipped), max(skipped.values())) == (2, 1)
    # unscaling the second after the first was stepped is no clipping
    factors = memory.points.get("gradient_clipping/factor", {})
    assert list(factors.values()) == pytest.approx([1.0] * len(factors), rel=1e-3)


def test_a_group_that_is_added_to_the_first_keeps_the_names_of_the_others(
    record: Record, reference: ModuleType, model: nn.Module
) -> None:
    optimizers = [
        torch.optim.SGD([model[0].weight], lr=0.01),
        torch.optim.SGD(model[2].parameters(), lr=0.02),
    ]
    with record(model, optimizers) as (guard, memory):
        for step, inputs in enumerate(reference.batches(4)):
            if step == 2:
                optimizers[0].add_param_group({"params": [model[0].bias], "lr": 0.04})
            model.zero_grad()
            loss = reference.loss_on(inputs)(model)
            loss.backward()
            guard.on_after_backward(loss)
            for optimizer in optimizers:
                optimizer.step()
    assert memory.values("learning_rate/0") == [0.01] * 4
    assert memory.values("learning_rate/1") == [0.02] * 4
    assert memory.points["learning_rate/2"] == {2: 0.04, 3: 0.04}


def test_two_networks_that_are_trained_in_turn(record: Record, reference: ModuleType) -> None:
    torch.manual_seed(0)
    networks = nn.ModuleDict({"one": nn.Linear(6, 6), "other": nn.Linear(6, 1)})
    optimizers = [torch.optim.Adam(one.parameters(), lr=0.01) for one in networks.values()]
    expected = []
    with record(networks, optimizers) as (guard, memory):
        for inputs in reference.batches(3):
            for sign, optimizer in zip((1, -1), optimizers, strict=True):
                before = reference.weights(networks)
                networks.zero_grad()
                loss = sign * networks["other"](networks["one"](inputs)).square().mean()
                loss.backward()
                expected.append(reference.as_they_are(networks))
                guard.on_after_backward(loss)
                optimizer.step()
                expected[-1] |= reference.updated(networks, before)
    memory.must_agree(expected)
    assert keys.SKIPPED_STEPS not in memory.points
