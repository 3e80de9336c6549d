from __future__ import annotations

import pytest
import torch
from torch import nn

from tuneguard.recording.updates import TOTAL_COORDINATES, UpdateSample


def ratio(sums: torch.Tensor) -> torch.Tensor:
    return (sums[0] / sums[1]).sqrt()


def changed(parameters: list[nn.Parameter], rate: float) -> torch.Tensor:
    sample = UpdateSample(parameters)
    sample.before()
    with torch.no_grad():
        for parameter in parameters:
            parameter.mul_(1.0 - rate)
    sums = sample.after()
    assert sums is not None
    return sums


def test_small_parameters_are_read_whole() -> None:
    parameter = nn.Parameter(torch.tensor([3.0, 4.0]))
    sample = UpdateSample([parameter])
    sample.before()
    with torch.no_grad():
        parameter.add_(torch.tensor([0.3, 0.4]))
    assert sample.after().flatten().tolist() == pytest.approx([0.25, 25.0])


def test_large_parameters_are_estimated() -> None:
    generator = torch.Generator().manual_seed(0)
    parameters = [
        nn.Parameter(torch.randn(200, 300, generator=generator)),
        nn.Parameter(torch.randn(300, generator=generator).reshape(300)),
    ]
    whole = [float(one.detach().square().sum()) for one in parameters]
    sums = changed(parameters, 0.01)
    assert ratio(sums).tolist() == pytest.approx([0.01, 0.01], rel=1e-3)
    assert sums[1].tolist() == pytest.approx(whole, rel=0.3)


def test_any_memory_layout() -> None:
    weight = torch.randn(8, 16, 3, 3, generator=torch.Generator().manual_seed(0))
    sums = [
        changed([nn.Parameter(weight.clone(memory_format=layout))], 0.5)
        for layout in (torch.contiguous_format, torch.channels_last)
    ]
    torch.testing.assert_close(*sums)


def test_what_cannot_be_trained_is_left_out() -> None:
    frozen = nn.Parameter(torch.ones(3), requires_grad=False)
    sample = UpdateSample([frozen, nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(0))])
    assert sample.positions == [1]


def test_the_sample_stays_small() -> None:
    sample = UpdateSample([nn.Parameter(torch.ones(300)) for _ in range(1000)])
    sample.before()
    assert len(sample._before) <= TOTAL_COORDINATES


def test_the_global_random_state_is_left_alone() -> None:
    before = torch.get_rng_state()
    UpdateSample([nn.Parameter(torch.ones(1000))])
    assert torch.equal(before, torch.get_rng_state())


def test_nothing_before_nothing_after() -> None:
    assert UpdateSample([nn.Parameter(torch.ones(2))]).after() is None
