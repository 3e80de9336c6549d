"""What a sketch says, against exact values of small models."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from tuneguard import keys
from tuneguard.recording.layers import Layers
from tuneguard.recording.sample_reader import SampleReader
from tuneguard.recording.samples import FetchedSample
from tuneguard.recording.schedule import Schedule
from tuneguard.recording.sketch import Sketch
from tuneguard.recording.successive_steps import MeanRatio, noise_of_micro_batches


class Quadratic(nn.Module):
    """A loss of known curvature, whose batches shift its minimum."""

    def __init__(self, curvature: torch.Tensor, noise: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(len(curvature)))
        self.curvature = curvature
        self.noise = noise
        self.generator = torch.Generator().manual_seed(0)

    def forward(self, batches: int = 1) -> torch.Tensor:
        drawn = torch.randn(batches, len(self.weight), generator=self.generator)
        shift = self.noise * drawn.mean(0)
        return 0.5 * (self.curvature * self.weight.square()).sum() + (shift * self.weight).sum()


def one_step(loop, model: nn.Module) -> None:
    loop.optimizer.zero_grad()
    loss = model()
    loss.backward()
    loop.recorder.begin_step(loss.detach())
    loop.optimizer.step()


@pytest.mark.parametrize("noise", [0.0, 0.5])
@pytest.mark.parametrize(
    "optimizer",
    [
        lambda p: torch.optim.SGD(p, lr=0.02),
        lambda p: torch.optim.SGD(p, lr=0.005, momentum=0.9),
        lambda p: torch.optim.Adam(p, lr=0.01),
    ],
    ids=["sgd", "momentum", "adam"],
)
def test_noise_does_not_bend_the_curvature(
    make_loop: Callable, optimizer: Callable, noise: float
) -> None:
    model = Quadratic(torch.full((400,), 3.0), noise)
    loop = make_loop(model, optimizer(model.parameters()))
    for _ in range(40):
        one_step(loop, model)
    loop.recorder.close()
    found = loop.kept.values(keys.CURVATURE)
    assert np.median(found) == pytest.approx(3.0, rel=0.25 if noise else 1e-3)


def test_the_naive_secant_would_be_far_off(make_loop: Callable) -> None:
    model = Quadratic(torch.full((400,), 3.0), 0.5)
    rate = 0.02
    previous = None
    naive = []
    for _ in range(40):
        gradient = torch.autograd.grad(model(), model.weight)[0]
        if previous is not None:
            update = -rate * previous
            naive.append(float((gradient - previous) @ update / update.square().sum()))
        previous = gradient
        with torch.no_grad():
            model.weight -= rate * gradient
    assert np.mean(naive) > 6.0


def test_where_the_curvature_cannot_be_told_nothing_is_said() -> None:
    generator = np.random.default_rng(0)
    ratio = MeanRatio()
    said = [ratio.add(*generator.normal(0.0, 1.0, 2)) for _ in range(200)]
    assert np.mean([one is not None for one in said]) < 0.1


def test_the_curvature_varies_with_the_direction(make_loop: Callable) -> None:
    curvature = torch.linspace(0.5, 20.0, 200)
    model = Quadratic(curvature, 0.0)
    loop = make_loop(model, torch.optim.SGD(model.parameters(), lr=0.01))
    points, gradients = [], []
    for _ in range(10):
        points.append(model.weight.detach().clone())
        gradients.append(curvature * points[-1])
        one_step(loop, model)
    loop.recorder.close()
    tops = bottoms = 0.0
    for at in range(2, 10):
        update, earlier = points[at] - points[at - 1], points[at - 1] - points[at - 2]
        tops += float((curvature * update) @ earlier)
        bottoms += float(update @ earlier)
    assert loop.kept.values(keys.CURVATURE)[0] == pytest.approx(tops / bottoms, rel=1e-3)


def test_the_noise_scale_of_successive_steps(make_loop: Callable) -> None:
    model = Quadratic(torch.full((2000,), 1.0), 2.0)
    loop = make_loop(model, torch.optim.SGD(model.parameters(), lr=1e-4))
    for _ in range(40):
        one_step(loop, model)
    loop.recorder.close()
    # the covariance of the gradient is 4 in each coordinate, and its mean about 1
    assert loop.kept.values(keys.NOISE_TO_SIGNAL)[-1] == pytest.approx(4.0, rel=0.2)


def test_the_noise_scale_of_micro_batches(make_loop: Callable) -> None:
    model = Quadratic(torch.full((2000,), 1.0), 2.0)
    loop = make_loop(model, torch.optim.SGD(model.parameters(), lr=0.1))
    for _ in range(12):
        with torch.no_grad():
            model.weight.fill_(1.0)
        loop.optimizer.zero_grad()
        for number in range(4):
            (model() / 4).backward()
            if number < 3:
                loop.recorder.micro_batch()
        loop.recorder.begin_step(0.0)
        loop.optimizer.step()
    loop.recorder.close()
    # the mean of four batches has a quarter of the covariance of one
    assert loop.kept.values(keys.NOISE_TO_SIGNAL)[-1] == pytest.approx(1.0, rel=0.1)


def test_one_micro_batch_tells_no_noise() -> None:
    assert noise_of_micro_batches([np.ones(3)]) is None


@pytest.mark.parametrize(("rate", "sign"), [(0.1, -1.0), (0.6, 1.0)])
def test_a_gradient_that_points_along_the_step_tells_an_overshoot(
    make_loop: Callable, rate: float, sign: float
) -> None:
    model = Quadratic(torch.full((20,), 3.0), 0.0)
    loop = make_loop(model, torch.optim.SGD(model.parameters(), lr=rate))
    for _ in range(3):
        one_step(loop, model)
    loop.recorder.close()
    assert loop.kept.values(keys.COSINE_TO_UPDATE) == pytest.approx([sign, sign])
    assert loop.kept.values(keys.GRADIENT_COSINE) == pytest.approx([-sign, -sign])


def test_update_size_is_exact_for_a_small_model(make_loop: Callable) -> None:
    model = Quadratic(torch.full((20,), 3.0), 0.0)
    loop = make_loop(model, torch.optim.SGD(model.parameters(), lr=0.1))
    one_step(loop, model)
    loop.recorder.close()
    assert loop.kept.values(keys.UPDATE_NORM_GLOBAL) == pytest.approx([0.3 * math.sqrt(20)])
    assert loop.kept.values(keys.UPDATE_RATIO_GLOBAL) == pytest.approx([0.3])


def test_pairs_may_span_packets(make_loop: Callable) -> None:
    found = []
    for flush_every in (1, 1000):
        model = Quadratic(torch.linspace(1.0, 2.0, 30), 0.1)
        loop = make_loop(
            model,
            torch.optim.SGD(model.parameters(), lr=0.05),
            flush_every=flush_every,
            schedule=Schedule(dense_steps=5, stride=6),
        )
        for _ in range(90):
            one_step(loop, model)
        loop.recorder.close()
        points = loop.kept.points()
        found.append({key: points[key] for key in points if not key.startswith("time/")})
    assert found[0] == found[1]
    assert len(found[0][keys.CURVATURE]) > 5


@pytest.fixture
def reader() -> SampleReader:
    layers = Layers(nn.Linear(1, 1, bias=False))
    return SampleReader(layers, Sketch(layers.parameters))


def sample(before: float, after: float) -> FetchedSample:
    vectors = np.array([before]), np.array([after])
    return FetchedSample(0, (), None, None, None, None, *vectors, ())


def said(reader: SampleReader, one: FetchedSample) -> dict[str, float]:
    return {
        key: value
        for found in reader.read([one])
        for key, value in zip(found.keys, found.values[0], strict=True)
    }


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [(4.0, 6.0, 0.5), (4.0, math.inf, math.inf), (math.inf, math.inf, math.nan)],
    ids=["trains", "leaps", "has diverged"],
)
def test_the_update_ratio_of_a_run_however_it_goes(reader, before, after, expected) -> None:
    found = said(reader, sample(before, after))
    assert found[keys.UPDATE_RATIO_GLOBAL] == pytest.approx(expected, nan_ok=True)
    assert found["update_ratio/Linear"] == pytest.approx(expected, nan_ok=True)


def test_weights_that_are_zero_have_no_update_ratio(reader) -> None:
    assert set(said(reader, sample(0.0, 2.0))) == {keys.UPDATE_NORM_GLOBAL}


def test_clipping_shows_as_a_factor(make_loop: Callable, model, inputs) -> None:
    loop = make_loop(model)
    loop.step(inputs)
    loop.step(inputs, clip=1e-3)
    loop.step(inputs, clip=1e3)
    loop.recorder.close()
    norms = loop.kept.values(keys.GRADIENT_NORM_GLOBAL)
    assert loop.kept.points()[keys.CLIPPING_FACTOR] == [
        (1, pytest.approx(1e-3 / norms[1], rel=1e-3)),
        (2, pytest.approx(1.0)),
    ]
    assert loop.kept.values(keys.CLIPPED_FRACTION) == [1.0, 0.0]


def test_clipping_by_value_changes_a_share(make_loop: Callable, model, inputs) -> None:
    loop = make_loop(model)
    model(inputs).square().mean().backward()
    gradients = torch.cat([one.grad.flatten() for one in model.parameters()])
    bound = float(gradients.abs().median())
    loop.recorder.begin_step(0.0)
    nn.utils.clip_grad_value_(model.parameters(), bound)
    loop.optimizer.step()
    loop.recorder.close()
    assert loop.kept.values(keys.CLIPPED_FRACTION)[0] == pytest.approx(0.5, abs=0.05)
