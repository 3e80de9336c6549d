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


@pytest.mark.parametrize("clip", CLIPS.values(), ids=CLIPS)
@pytest.mark.parametrize("scaled", [False, True])
def test_the_norm_is_that_before_clipping(
    record: Record, reference: ModuleType, model: nn.Module, clip: Clip, scaled: bool
) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    scaler = torch.amp.GradScaler("cpu", init_scale=64.0, enabled=scaled)
    expected = []
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
            clip(list(model.parameters()))
            scaler.step(optimizer)
            scaler.update()
            expected[-1] |= reference.updated(model, before)
    memory.must_agree(expected)
