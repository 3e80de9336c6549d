"""How large the numbers are that the model is given."""

from __future__ import annotations

import pytest
import torch

from tuneguard import keys
from tuneguard.recording.unit_sample import InputScale
from tuneguard.recording.units import UnitStatistics


def test_mean_and_deviation_of_a_batch() -> None:
    batch = 3.0 + 40.0 * torch.randn(64, 3, 20, 20, generator=torch.Generator().manual_seed(0))
    scale = InputScale.of(batch)
    assert scale is not None
    found = dict(scale.shares(scale.tensor.numpy().astype(float)))
    assert found[keys.INPUT_MEAN] == pytest.approx(3.0, abs=2.0)
    assert found[keys.INPUT_DEVIATION] == pytest.approx(40.0, rel=0.05)


def test_a_hole_in_the_input_does_not_make_the_scale_nan() -> None:
    batch = torch.ones(4, 5)
    batch[0, 0] = torch.nan
    scale = InputScale.of(batch)
    assert scale is not None
    assert torch.isfinite(scale.tensor).all()


@pytest.mark.parametrize(
    "given", [torch.ones(4, 5, dtype=torch.long), torch.ones(4), torch.ones(0, 5)]
)
def test_what_is_no_batch_of_numbers_has_no_scale(given: torch.Tensor) -> None:
    assert InputScale.of(given) is None


def test_the_scale_is_recorded_where_units_are_looked_at() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(6, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))
    units = UnitStatistics(model)
    units.arm()
    model(torch.full((8, 6), 7.0)).mean().backward()
    sample = units.collect()
    assert sample is not None
    values = sample.values([one.numpy().astype(float) for one in sample.tensors])
    assert values[keys.INPUT_MEAN] == 7.0
