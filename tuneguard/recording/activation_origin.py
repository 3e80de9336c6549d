"""Which layer feeds an activation, read off the autograd graph."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn
from torch.autograd.graph import Node

_DEEPEST = 12
_WIDEST = 32
_CHANNELS_FIRST = ("Convolution", "BatchNorm", "GroupNorm")
_FEATURES_LAST = ("Addmm", "Mm", "Bmm", "Baddbmm", "NativeLayerNorm", "FusedRmsNorm", "Linear")


class Origin(NamedTuple):
    """Where an activation's input comes from.

    Attributes:
        parameter: Identity of the nearest parameter; 0 where none is near.
        distance: Operations in between.
        has_channels: Whether the nearest layer has its units on axis 1, as convolutions and
            batch normalisation have, and not on the last; `None` where no such layer is near.
    """

    parameter: int
    distance: int
    has_channels: bool | None


def origin(output: torch.Tensor) -> Origin:
    """Follow the graph back from an activation's output to the nearest parameter.

    Two outputs of one module with the same origin come from the same layer, as in a recurrent
    loop; with different ones, the module is shared by several layers.
    """
    level = [output.grad_fn]
    has_channels: bool | None = None
    for distance in range(_DEEPEST):
        following: list[Node | None] = []
        for node in level:
            if node is None:
                continue
            parameter = _parameter(node)
            if parameter:
                return Origin(parameter, distance, has_channels)
            if has_channels is None:
                has_channels = _layout(node)
            following.extend(parent for parent, _ in node.next_functions)
        level = following[:_WIDEST]
    return Origin(0, 0, has_channels)


def unit_axis(output: torch.Tensor, has_channels: bool | None) -> int:
    """Return the axis that the units are on.

    Args:
        output: Of one axis or more, the batch on the first of several.
        has_channels: Whether the layer before has its units on axis 1, if that is known;
            otherwise an output of four or five axes is taken for one with channels.

    >>> unit_axis(torch.zeros(8, 16), None), unit_axis(torch.zeros(8, 16, 4, 4), None)
    (1, 1)
    >>> unit_axis(torch.zeros(8, 20, 16), False), unit_axis(torch.zeros(8, 16, 20), True)
    (2, 1)
    """
    if has_channels is None:
        has_channels = output.ndim in {4, 5}
    return 1 if has_channels and output.ndim > 2 else output.ndim - 1


def _parameter(node: Node) -> int:
    if type(node).__name__ != "AccumulateGrad":
        return 0
    variable = getattr(node, "variable", None)
    return id(variable) if isinstance(variable, nn.Parameter) else 0


def _layout(node: Node) -> bool | None:
    name = node.name()
    if any(one in name for one in _CHANNELS_FIRST):
        return True
    return False if name.startswith(_FEATURES_LAST) else None
