"""What is left of a gradient when the next one is added to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from tuneguard import keys
from tuneguard.recording.carried_gradient import LOOKS
from tuneguard.recording.loss_mean import LossMean

INPUTS = torch.randn(8, 6, generator=torch.Generator().manual_seed(1))


def record(
    loop: Any, zero: Callable[[], None], *, passes: int = 1, steps: int = 10
) -> list[float]:
    for _ in range(steps):
        zero()
        for done in range(1, passes + 1):
            loss = loop.model(INPUTS).square().mean()
            loss.backward()
            if done < passes:
                loop.recorder.micro_batch()
        loop.recorder.begin_step(loss.detach())
        loop.optimizer.step()
    loop.recorder.close()
    return loop.kept.values(keys.CARRIED_GRADIENT)


@pytest.mark.parametrize("passes", [1, 3])
@pytest.mark.parametrize("to_none", [True, False])
def test_nothing_is_left_where_gradients_are_zeroed(
    make_loop: Callable[..., Any], model: nn.Module, to_none: bool, passes: int
) -> None:
    loop = make_loop(model, losses=LossMean(passes))
    zero = lambda: loop.optimizer.zero_grad(set_to_none=to_none)  # noqa: E731
    assert record(loop, zero, passes=passes) == [0.0] * LOOKS


def test_all_is_left_where_they_are_not(make_loop: Callable[..., Any], model: nn.Module) -> None:
    assert record(make_loop(model), lambda: None) == [1.0] * LOOKS


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_gradients_of_other_precisions_are_seen(
    make_loop: Callable[..., Any], model: nn.Module, dtype: torch.dtype
) -> None:

    loop = make_loop(model.to(dtype))
    given = INPUTS.to(dtype)
    for _ in range(LOOKS + 2):
        loss = loop.model(given).square().mean()
        loss.backward()
        loop.recorder.begin_step(loss.detach())
        loop.optimizer.step()
    loop.recorder.close()
    assert not loop.recorder.failed
    assert loop.kept.values(keys.CARRIED_GRADIENT) == [1.0] * LOOKS


def test_zeroing_past_autograd_is_seen(make_loop: Callable[..., Any], model: nn.Module) -> None:
    def zero() -> None:
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter.grad.data.zero_()

    assert record(make_loop(model), zero) == [0.0] * LOOKS


def test_a_pass_that_is_no_part_of_the_step_does_not_count(
    make_loop: Callable[..., Any], model: nn.Module
) -> None:
    loop = make_loop(model)

    def zero() -> None:
        model(INPUTS).mean().backward()
        loop.optimizer.zero_grad()

    assert record(loop, zero) == [0.0] * LOOKS


def test_a_closure_that_zeroes_leaves_nothing(
    make_loop: Callable[..., Any], model: nn.Module
) -> None:
    loop = make_loop(model, torch.optim.LBFGS(model.parameters(), max_iter=2))

    def closure() -> torch.Tensor:
        loop.optimizer.zero_grad()
        loss = model(INPUTS).square().mean()
        loss.backward()
        loop.recorder.begin_step(loss.detach())
        return loss

    for _ in range(4):
        loop.optimizer.step(closure)
    loop.recorder.close()
    assert set(loop.kept.values(keys.CARRIED_GRADIENT)) == {0.0}


def test_no_hook_stays_behind(make_loop: Callable[..., Any], model: nn.Module) -> None:
    loop = make_loop(model)
    record(loop, loop.optimizer.zero_grad, steps=3)
    assert not any(parameter._backward_hooks for parameter in model.parameters())
