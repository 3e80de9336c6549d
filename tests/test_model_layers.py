"""What numbers of parameters tell of the widths of hidden layers."""

from __future__ import annotations

import pytest

from tuneguard.model_layers import hidden_widths


@pytest.mark.parametrize(
    ("sizes", "outputs", "widths"),
    [
        ([20 * 3 + 3, 3 * 2 + 2, 2 * 5 + 5], 5, (2, 3)),
        ([64 * 32 + 32, 32 * 2 + 2, 2 * 32 + 32, 32 * 64 + 64], 64, (32, 2, 32)),
        ([12 * 8 + 8, 2 * 8, 8 * 5 + 5], 5, (8,)),
        ([80, 16, 1168, 32, 640 + 10], 10, (64,)),
        ([4 * 3 + 3], 3, ()),
        ([100, 47], 5, ()),
        ([100, 50], 0, ()),
    ],
    ids=["chain", "waist", "norm", "convolutions", "no hidden layer", "no bias", "unknown"],
)
def test_widths_are_told_from_the_output_back(
    sizes: list[int], outputs: int, widths: tuple[int, ...]
) -> None:
    assert hidden_widths(sizes, outputs) == widths


def test_a_single_unit_before_the_outputs_is_no_norm() -> None:
    assert hidden_widths([21, 2, 10], 5)[0] == 1
