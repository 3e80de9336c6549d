from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

fsdp = pytest.importorskip("torch.distributed.fsdp")


@pytest.fixture(autouse=True)
def group() -> Iterator[None]:
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def sharded(model: nn.Module) -> nn.Module:
    for layer in (model.first, model.second):
        fsdp.fully_shard(layer)
    return fsdp.fully_shard(model)


@pytest.mark.parametrize("spread", [DistributedDataParallel, sharded])
def test_a_model_that_is_spread_says_the_same(
    spread: Callable[[nn.Module], nn.Module], measured: Any, make_shared: Any
) -> None:
    if spread is sharded and not hasattr(fsdp, "fully_shard"):
        pytest.skip("this torch keeps fully_shard elsewhere")
    inputs = torch.randn(200, 6)
    model = make_shared()
    alone = measured(model, lambda: model(inputs).sum())
    assert len(alone) == 5
    parallel = spread(model)
    assert measured(parallel, lambda: parallel(inputs).sum()) == pytest.approx(alone)
