"""Which part of a parameter's squares each rank has to count, so that none counts twice."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from tuneguard.recording.layers import Layers, is_older_fsdp


class Shards:
    """How the parameters of a model are spread over the ranks.

    Squares of each rank's local pieces, weighted by their shares and added up over all ranks,
    count each element once. A piece that is one of `m` on as many ranks, `r` of them alike, lies
    `m / r` times disjoint among them, and they `world_size / m` times in the world: its share is
    `m / (r * world_size)`. Of a `DTensor`, `m` is the size of its mesh and `r` that of the mesh
    dimensions over which it is replicated; a plain tensor is a mesh of one.

    Args:
        model: The model, with what is wrapped around it.
        layers: Its parameters.
        world_size: Number of ranks.

    Attributes:
        shares: Shape `(parameters,)`: 1 for what is sharded over all ranks.
        is_sharded: Whether any parameter is in pieces, so that local norms are not the whole.
    """

    def __init__(self, model: nn.Module, layers: Layers, world_size: int) -> None:
        older = _groups_of_older_fsdp(model)
        pieces = [_pieces(one, older.get(id(one), 1)) for one in layers.parameters]
        self.is_sharded = any(ranks > copies for ranks, copies in pieces)
        self.shares: NDArray[np.float64] = np.array(
            [ranks / (copies * world_size) for ranks, copies in pieces], dtype=np.float64
        )


def _pieces(parameter: Any, ranks_of_older: int) -> tuple[int, int]:
    """On how many ranks a parameter's pieces lie, and how many of them are alike."""
    mesh = getattr(parameter, "device_mesh", None)
    if mesh is None:
        return ranks_of_older, 1
    copies = 1
    for dimension, placement in enumerate(parameter.placements):
        if placement.is_replicate():
            copies *= mesh.size(dimension)
    return mesh.size(), copies


def _groups_of_older_fsdp(model: nn.Module) -> dict[int, int]:
    """Over how many ranks `FullyShardedDataParallel` cut each parameter, by the parameter's id."""
    groups: dict[int, int] = {}
    for module in model.modules():
        if is_older_fsdp(module):
            is_whole = module.sharding_strategy.name == "NO_SHARD"
            ranks = 1 if is_whole else module.process_group.size()
            # an inner wrapper comes after the outer one, and has the last word
            groups.update((id(one), ranks) for one in module.parameters())
    return groups
