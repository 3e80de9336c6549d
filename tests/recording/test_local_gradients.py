"""Ranks are played by batches that are averaged by hand, as `DistributedDataParallel` does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from tuneguard import keys
from tuneguard.recording.local_gradients import LocalGradients, averaging_ranks
from tuneguard.recording.sketch import Sketch
from tuneguard.recording.successive_steps import noise_of_ranks


class Pull(nn.Module):
    """A gradient of ones with noise of known size in each batch."""

    def __init__(self, noise: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(200))
        self.noise = noise
        self.generator = torch.Generator().manual_seed(0)

    def forward(self) -> torch.Tensor:
        drawn = torch.randn(200, generator=self.generator)
        return ((1.0 + self.noise * drawn) * self.weight).sum()


def step(loop, model: Pull, ranks: int, micro_batches: int = 1) -> None:
    loop.optimizer.zero_grad()
    for _ in range(micro_batches):
        (model() / micro_batches).backward()
    others = 1.0 + model.noise / micro_batches**0.5 * torch.randn(
        ranks - 1, 200, generator=model.generator
    )
    model.weight.grad = (model.weight.grad + others.sum(0)) / ranks
    loop.recorder.begin_step(0.0)
    loop.optimizer.step()


@pytest.mark.parametrize(("ranks", "micro_batches"), [(2, 1), (4, 1), (4, 3)])
def test_the_noise_of_an_average_is_told_by_one_rank(
    make_loop: Callable, ranks: int, micro_batches: int
) -> None:
    model = Pull(3.0)
    loop = make_loop(model, averaged_over=ranks)
    for _ in range(60):
        step(loop, model, ranks, micro_batches)
    loop.recorder.close()
    expected = 9.0 / (ranks * micro_batches)
    assert loop.kept.values(keys.NOISE_TO_SIGNAL)[-1] == pytest.approx(expected, rel=0.25)


def test_the_own_gradient_is_taken_before_it_is_overwritten() -> None:
    model = Pull(0.0)
    sketch, own = Sketch([model.weight]), LocalGradients()
    own.arm(sketch)
    model().backward()
    model.weight.grad.zero_()
    assert own.collect().tolist() == [1.0] * 200


def test_no_hook_stays_behind(make_loop: Callable) -> None:
    model = Pull(1.0)
    loop = make_loop(model, averaged_over=2)
    step(loop, model, 2)
    assert model.weight._backward_hooks
    loop.recorder.close()
    assert not model.weight._backward_hooks


def test_where_nothing_was_averaged_nothing_is_known() -> None:
    own = np.ones(4)
    assert noise_of_ranks(own, own, 2) is None
    assert LocalGradients().collect() is None


def test_a_plain_model_is_not_averaged() -> None:
    assert averaging_ranks(nn.Linear(1, 1), 2) == 1
