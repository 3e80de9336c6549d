"""The gradient that is recorded when several batches make up a step."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from tuneguard import keys

Record = Callable[..., Any]


@pytest.mark.parametrize("divisor", [1, 3], ids=["summed", "averaged"])
@pytest.mark.parametrize("scaled", [False, True])
def test_the_gradient_is_complete_at_the_last_micro_batch(
    record: Record, reference: ModuleType, model: nn.Module, divisor: int, scaled: bool
) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    scaler = torch.amp.GradScaler("cpu", init_scale=64.0, enabled=scaled)
    expected, losses = [], []
    with record(model, optimizer, accumulate=3, scaler=scaler) as (guard, memory):
        for inputs in reference.batches(4):
            parts = torch.cat([inputs, 2 * inputs, -inputs]).chunk(3)
            expected.append(
                reference.differentiated(
                    model,
                    lambda twin, parts=parts: (
                        sum(reference.mean_loss(twin, one) for one in parts) / divisor
                    ),
                )
            )
            losses.append(sum(reference.mean_loss(model, part).item() for part in parts) / 3)
            optimizer.zero_grad()
            for part in parts:
                loss = reference.mean_loss(model, part)
                scaler.scale(loss / divisor).backward()
                guard.on_after_backward(loss)
            scaler.step(optimizer)
            scaler.update()
    memory.must_agree(expected)
    assert memory.values(keys.TRAIN_LOSS) == pytest.approx(losses)
    assert keys.SKIPPED_STEPS not in memory.points


def test_an_epoch_whose_last_step_has_fewer_micro_batches(
    record: Record, reference: ModuleType, model: nn.Module
) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    inputs = reference.batches(5)
    expected, losses = [], []
    with record(model, optimizer, accumulate=3) as (guard, memory):
        for _ in range(3):
            for parts in (inputs[:3], inputs[3:]):
                expected.append(
                    reference.differentiated(
                        model,
                        lambda twin, parts=parts: sum(
                            reference.mean_loss(twin, one) for one in parts
                        ),
                    )
                )
                losses.append(
                    sum(reference.mean_loss(model, one).item() for one in parts) / len(parts)
                )
                optimizer.zero_grad()
                for part in parts:
                    loss = reference.mean_loss(model, part)
                    loss.backward()
                    guard.on_after_backward(loss)
                optimizer.step()
    assert memory.values(keys.TRAIN_LOSS) == pytest.approx(losses)
    whole = {step: one[keys.GRADIENT_NORM_GLOBAL] for step, one in enumerate(expected)}
    recorded = memory.points[keys.GRADIENT_NORM_GLOBAL]
    # of the short steps nobody says when the gradient is complete
    assert recorded == pytest.approx({step: whole[step] for step in (0, 2, 4)})


@pytest.mark.parametrize("accumulate", [1, 3])
def test_a_loop_that_says_when_the_gradient_is_complete(
    record: Record, reference: ModuleType, model: nn.Module, accumulate: int
) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    inputs = reference.batches(5)
    expected, losses = [], []
    with record(model, optimizer, accumulate=accumulate) as (guard, memory):
        for _ in range(3):
            for parts in (inputs[:3], inputs[3:]):
                expected.append(
                    reference.differentiated(
                        model,
                        lambda twin, parts=parts: sum(
                            reference.mean_loss(twin, one) for one in parts
                        ),
                    )
                )
                losses.append(
                    sum(reference.mean_loss(model, one).item() for one in parts) / len(parts)
                )
                optimizer.zero_grad()
                for part in parts:
                    loss = reference.mean_loss(model, part)
                    loss.backward()
                    guard.on_after_backward(loss, is_complete=part is parts[-1])
                nn.utils.clip_grad_norm_(model.parameters(), 0.1)
                optimizer.step()
    memory.must_agree(expected)
    assert memory.values(keys.TRAIN_LOSS) == pytest.approx(losses)


def test_steps_that_never_have_as_many_micro_batches_as_was_said(
    record: Record, reference: ModuleType, model: nn.Module, caplog: pytest.LogCaptureFixture
) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with record(model, optimizer, accumulate=4) as (guard, memory):
        for inputs in reference.batches(6):
            optimizer.zero_grad()
            loss = reference.mean_loss(model, inputs)
            loss.backward()
            guard.on_after_backward(loss)
            optimizer.step()
    assert len(memory.values(keys.TRAIN_LOSS)) == 6
    assert caplog.text.count("fewer micro-batches than `accumulate` says") == 1


def test_micro_batches_of_their_own_loss_scale_and_a_skipped_step(
    record: Record, reference: ModuleType, model: nn.Module
) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    scaler = torch.amp.GradScaler("cpu", init_scale=64.0)
    expected = []
    with record(model, optimizer, accumulate=2, scaler=scaler) as (guard, memory):
        for step, inputs in enumerate(reference.batches(4)):
            factors = (1.0, float("inf") if step == 1 else 0.5)
            expected.append(
                reference.differentiated(
                    model,
                    lambda twin, inputs=inputs, factors=factors: sum(
                        one * reference.mean_loss(twin, inputs) for one in factors
                    ),
                )
            )
            optimizer.zero_grad()
            for factor in factors:
                loss = factor * reference.mean_loss(model, inputs)
                scaler.scale(loss).backward()
                guard.on_after_backward(loss)
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            scaler.step(optimizer)
            scaler.update()
    memory.must_agree(expected)
    assert memory.points[keys.SKIPPED_STEPS] == {1: 1.0}
