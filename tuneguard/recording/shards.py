"""Which part of a parameter's squares each rank has to count, so that none counts twice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray


def is_sharded(parameters: Iterable[torch.Tensor]) -> bool:
    """Whether any parameter is spread over the ranks, so that each holds a piece of it.

    >>> is_sharded([torch.ones(2)])
    False
    """
    return any(
        not placement.is_replicate()
        for parameter in parameters
        for placement in getattr(parameter, "placements", ())
    )


def shares(parameters: Iterable[torch.Tensor], world_size: int) -> NDArray[np.float64]:
    """Return by what the squares of each parameter's local piece are to be weighted.

    The weighted squares, added up over all ranks, count each element once. A `DTensor` over a mesh
    of `m` ranks that is repeated `r` times in it (its replicated mesh dimensions) lies `m / r`
    times disjoint in the mesh, and the mesh `world_size / m` times in the world: the share of each
    copy is `m / (r * world_size)`. A plain tensor is a mesh of one.

    Args:
        parameters: The parameters.
        world_size: Number of ranks.

    Returns:
        Shape `(parameters,)`; 1 for what is sharded over all ranks.

    >>> shares([torch.ones(2)], 4)
    array([0.25])
    """
    return np.array([_share(parameter, world_size) for parameter in parameters], dtype=np.float64)


def _share(parameter: Any, world_size: int) -> float:
    mesh = getattr(parameter, "device_mesh", None)
    if mesh is None:
        return 1.0 / world_size
    copies = 1
    for dimension, placement in enumerate(parameter.placements):
        if placement.is_replicate():
            copies *= mesh.size(dimension)
    return float(mesh.size()) / (copies * world_size)
