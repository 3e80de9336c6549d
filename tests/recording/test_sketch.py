from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from tuneguard.recording.sketch import MOST_PARAMETERS, TOTAL_COORDINATES, Sketch


def squares(sketch: Sketch, values: torch.Tensor) -> np.ndarray:
    return np.bincount(sketch.owners, sketch.weights * values.double().numpy() ** 2)


def test_small_parameters_are_read_whole() -> None:
    parameter = nn.Parameter(torch.tensor([3.0, 4.0]))
    sketch = Sketch([parameter])
    assert sketch.read_weights().tolist() == [3.0, 4.0]
    assert sketch.weights.tolist() == [1.0, 1.0]


def test_large_parameters_are_estimated() -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = [(200, 300), (300,), (64, 8, 3, 3)]
    parameters = [nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]
    sketch = Sketch(parameters)
    whole = [float(one.detach().square().sum()) for one in parameters]
    assert squares(sketch, sketch.read_weights()) == pytest.approx(whole, rel=0.25)


def test_what_is_read_is_a_copy() -> None:
    parameter = nn.Parameter(torch.ones(2))
    read = Sketch([parameter]).read_weights()
    with torch.no_grad():
        parameter.fill_(5.0)
    assert read.tolist() == [1.0, 1.0]


def test_gradients_are_read_at_the_same_coordinates_in_any_layout() -> None:
    weight = torch.randn(8, 16, 3, 3, generator=torch.Generator().manual_seed(0))
    for layout in (torch.contiguous_format, torch.channels_last):
        parameter = nn.Parameter(weight.clone(memory_format=layout))
        parameter.grad = 2.0 * weight
        sketch = Sketch([parameter])
        torch.testing.assert_close(sketch.read_gradients(), 2.0 * sketch.read_weights())


def test_a_gradient_that_is_missing_or_sparse_counts_as_zeros() -> None:
    embedding = nn.Embedding(5, 2, sparse=True)
    embedding(torch.tensor([1, 2])).sum().backward()
    weight, bias = (nn.Parameter(torch.ones(3)) for _ in range(2))
    sketch = Sketch([weight, bias, embedding.weight])
    bias.grad = torch.full((3,), 2.0)
    assert sketch.read_gradients().tolist() == [0.0] * 3 + [2.0] * 3 + [0.0] * 10


def test_no_gradient_at_all() -> None:
    assert Sketch([nn.Parameter(torch.ones(2))]).read_gradients() is None
    assert Sketch([]).read_weights() is None


def test_complex_parameters_are_pairs_of_numbers() -> None:
    sketch = Sketch([nn.Parameter(torch.tensor([3.0 + 4.0j]))])
    assert sketch.read_weights().tolist() == [3.0, 4.0]


def test_what_cannot_be_trained_is_left_out() -> None:
    frozen = nn.Parameter(torch.ones(3), requires_grad=False)
    sketch = Sketch([frozen, nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(0))])
    assert sketch.positions.tolist() == [1]


def test_the_sketch_stays_small() -> None:
    many = [nn.Parameter(torch.ones(300 if number % 2 else 3)) for number in range(1000)]
    sketch = Sketch(many)
    assert len(sketch.positions) == MOST_PARAMETERS
    assert len(sketch.read_weights()) <= TOTAL_COORDINATES
    assert sketch.positions[0] < 20
    assert sketch.positions[-1] > 980


@pytest.mark.parametrize("change", ["in place", "replaced", "gone"])
def test_a_gradient_that_was_touched_is_noticed(change: str) -> None:
    parameter = nn.Parameter(torch.ones(2))
    parameter.grad = torch.ones(2)
    sketch = Sketch([parameter])
    before = sketch.versions_of_gradients()
    assert sketch.versions_of_gradients() == before
    if change == "in place":
        parameter.grad.mul_(0.5)
    else:
        parameter.grad = torch.ones(2) if change == "replaced" else None
    assert sketch.versions_of_gradients() != before


def test_the_global_random_state_is_left_alone() -> None:
    before = torch.get_rng_state()
    Sketch([nn.Parameter(torch.ones(1000))])
    assert torch.equal(before, torch.get_rng_state())


MAKERS: dict[str, Callable[[], nn.Parameter]] = {
    "plain": lambda: nn.Parameter(torch.randn(30, 40)),
    "another memory format": lambda: nn.Parameter(
        torch.randn(4, 8, 5, 5).to(memory_format=torch.channels_last)
    ),
    "half precision": lambda: nn.Parameter(torch.randn(30, 40).to(torch.bfloat16)),
    "double precision": lambda: nn.Parameter(torch.randn(30, 40).double()),
    "complex": lambda: nn.Parameter(torch.randn(30, 40, dtype=torch.complex64)),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
def test_what_is_read_is_what_is_there(make: Callable[[], nn.Parameter]) -> None:
    torch.manual_seed(0)
    parameters = [nn.Parameter(torch.randn(3)), make()]
    sketch = Sketch(parameters)
    for _ in range(3):
        for one in parameters:
            one.grad = one.detach() * 2.0
        read = torch.cat([sketch.take(rank, one.detach()) for rank, one in enumerate(parameters)])
        torch.testing.assert_close(sketch.read_weights(), read)
        torch.testing.assert_close(sketch.read_gradients(), 2.0 * read)
        with torch.no_grad():
            parameters[0].add_(1.0)
        # other memory, which has to be found anew
        parameters[1].data = parameters[1].data * 2.0
