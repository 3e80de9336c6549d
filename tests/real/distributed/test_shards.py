"""By what the squares of a rank's pieces are weighted, on meshes larger than tests can start."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.distributed.tensor import Replicate, Shard

from tuneguard.recording.layers import Layers
from tuneguard.recording.shards import Shards

WORLD_SIZE = 8


class Mesh:
    """Ranks in a grid."""

    def __init__(self, *sizes: int) -> None:
        self._sizes = sizes

    def size(self, dimension: int | None = None) -> int:
        return (
            int(torch.tensor(self._sizes).prod()) if dimension is None else self._sizes[dimension]
        )


def model_with(**attributes: object) -> nn.Module:
    """A layer whose one parameter says that it is a `DTensor`."""
    model = nn.Linear(2, 2, bias=False)
    for name, value in attributes.items():
        setattr(model.weight, name, value)
    return model


@pytest.mark.parametrize(
    ("mesh", "placements", "share", "is_sharded"),
    [
        (Mesh(8), [Shard(0)], 1.0, True),
        (Mesh(8), [Replicate()], 1 / 8, False),
        (Mesh(2, 4), [Replicate(), Shard(0)], 1 / 2, True),
        (Mesh(4, 2), [Shard(0), Shard(1)], 1.0, True),
        (Mesh(8, 1), [Replicate(), Shard(0)], 1 / 8, False),
        (Mesh(4), [Shard(0)], 1 / 2, True),
    ],
    ids=["fsdp", "replicated", "hsdp", "fsdp and tensor parallel", "one shard", "half the world"],
)
def test_each_element_counts_once(
    mesh: Mesh, placements: list[object], share: float, is_sharded: bool
) -> None:
    model = model_with(device_mesh=mesh, placements=placements)
    shards = Shards(model, Layers(model), WORLD_SIZE)
    assert shards.shares.tolist() == [share]
    assert shards.is_sharded is is_sharded


def test_a_plain_parameter_is_on_every_rank() -> None:
    model = nn.Linear(2, 2)
    shards = Shards(model, Layers(model), WORLD_SIZE)
    assert shards.shares.tolist() == [1 / 8, 1 / 8]
    assert not shards.is_sharded


@pytest.mark.parametrize(
    ("strategy", "ranks", "share"),
    [("FULL_SHARD", 8, 1.0), ("HYBRID_SHARD", 4, 1 / 2), ("NO_SHARD", 8, 1 / 8)],
)
def test_the_older_wrapper_says_how_it_cuts(strategy: str, ranks: int, share: float) -> None:
    class FullyShardedDataParallel(nn.Module):
        sharding_strategy = SimpleNamespace(name=strategy)
        process_group = SimpleNamespace(size=lambda: ranks)

        def __init__(self, module: nn.Module) -> None:
            super().__init__()
            self.module = module

    model = FullyShardedDataParallel(nn.Linear(2, 2))
    assert Shards(model, Layers(model), WORLD_SIZE).shares.tolist() == [share, share]
