"""One rank of a small distributed training, started as a process of its own.

Called with a folder and the names of trainings; rank 0 leaves there what a single process
measured on the same data, as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mlflow
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from tuneguard.recording import TuneGuardCallback

STEPS = 5
BATCH = 8
CLIP = 0.05


class Net(nn.Module):
    """Layers whose rows two ranks can share, cannot share evenly, or not at all."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Linear(6, 8)
        self.last = nn.Linear(8, 3)
        self.head = nn.Linear(3, 1)
        self.scale = nn.Parameter(torch.full((3,), 2.0))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        hidden: torch.Tensor = self.last(torch.tanh(self.first(inputs)))
        outputs: torch.Tensor = self.head(hidden * self.scale)
        return outputs


@dataclass
class Training:
    """How the ranks train.

    Attributes:
        wrap: Prepares the model for training on several ranks.
        micro_batches: Backward passes in a step.
        clip: Largest gradient norm.
        by_hand: Names of parameters whose gradients the loop itself averages.
        splits_data: Whether each rank has its own part of a batch.
    """

    wrap: Callable[[Net], nn.Module]
    micro_batches: int = 1
    clip: float | None = None
    by_hand: set[str] = field(default_factory=set)
    splits_data: bool = True


def sharded(model: Net, **options: Any) -> nn.Module:
    from torch.distributed.fsdp import fully_shard

    for layer in (model.first, model.last, model):
        fully_shard(layer, **options)
    return model


def half_replicated(model: Net) -> nn.Module:
    """Each layer sharded, and one parameter left whole on each rank."""
    from torch.distributed.fsdp import fully_shard

    for layer in (model.first, model.last):
        fully_shard(layer)
    return fully_shard(model, ignored_params={model.scale})


def twice(model: Net) -> nn.Module:
    from torch.distributed.device_mesh import init_device_mesh

    mesh = init_device_mesh("cpu", (2, 1), mesh_dim_names=("replicate", "shard"))
    return sharded(model, mesh=mesh)


def in_columns_and_rows(model: Net) -> nn.Module:
    """Tensor parallel: the matrices cut, the rest on every rank."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor.parallel import (
        ColwiseParallel,
        RowwiseParallel,
        parallelize_module,
    )

    plan = {"first": ColwiseParallel(), "last": RowwiseParallel()}
    return parallelize_module(model, init_device_mesh("cpu", (2,)), plan)


def in_older_shards(model: Net) -> nn.Module:
    from torch.distributed.fsdp import FullyShardedDataParallel
    from torch.distributed.fsdp.wrap import ModuleWrapPolicy

    policy = ModuleWrapPolicy({nn.Linear})
    cpu = torch.device("cpu")
    return FullyShardedDataParallel(
        model, auto_wrap_policy=policy, device_id=cpu, use_orig_params=True
    )


def in_half_precision(model: Net) -> nn.Module:
    from torch.distributed.fsdp import MixedPrecisionPolicy

    policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    return sharded(model, mp_policy=policy)


TRAININGS = {
    "ddp": Training(DistributedDataParallel),
    "ddp-accumulation": Training(DistributedDataParallel, micro_batches=2),
    "fsdp": Training(sharded),
    "fsdp-clip": Training(sharded, clip=CLIP),
    "fsdp-bf16": Training(in_half_precision),
    "fsdp-replicas": Training(twice),
    "fsdp-mixed": Training(half_replicated, by_hand={"scale"}),
    "older-fsdp": Training(in_older_shards),
    "tensor-parallel": Training(in_columns_and_rows, splits_data=False),
}


def data(step: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(step)
    return torch.randn(BATCH, 6, generator=generator), torch.randn(BATCH, 1, generator=generator)


def reference(clip: float | None) -> dict[str, list[float]]:
    """What a single process would measure, written out in the slow and obvious way."""
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    layers = {"first": [*model.first.parameters()], "last": [*model.last.parameters()]}
    layers |= {
        "head": [*model.head.parameters()],
        "Net": [model.scale],
        "global": [*model.parameters()],
    }
    found: dict[str, list[float]] = {}
    for step in range(STEPS):
        inputs, targets = data(step)
        optimizer.zero_grad()
        (model(inputs) - targets).square().mean().backward()
        for name, own in layers.items():
            norm = sum(one.grad.double().square().sum() for one in own) ** 0.5
            found.setdefault(f"gradient_norm/{name}", []).append(float(norm))
        if clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        before = [one.detach().clone() for one in model.parameters()]
        optimizer.step()
        changes = dict(zip(model.parameters(), before, strict=True))
        for name, own in layers.items():
            change = sum((one.detach() - changes[one]).double().square().sum() for one in own)
            weight = sum(changes[one].double().square().sum() for one in own)
            found.setdefault(f"update_ratio/{name}", []).append(float((change / weight) ** 0.5))
    return found


def train(name: str, die_at: int | None = None) -> str | None:
    """Train on this rank's part of each batch; return the run."""
    training = TRAININGS[name]
    model = training.wrap(Net())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    rank, micro = dist.get_rank(), training.micro_batches
    place, places = (rank, dist.get_world_size()) if training.splits_data else (0, 1)
    flush_every = 1000 if die_at is None else 1
    with TuneGuardCallback(
        model, optimizer, accumulate=micro, experiment=name, flush_every=flush_every
    ) as guard:
        for step in guard.batches(range(STEPS)):
            if step == die_at:
                # what was handed over is on disk by then
                time.sleep(1.0)
                os.kill(os.getpid(), signal.SIGKILL)
            optimizer.zero_grad()
            whole = [one.chunk(places * micro) for one in data(step)]
            for part in range(micro):
                inputs, targets = (one[place * micro + part] for one in whole)
                is_last = part == micro - 1
                with nullcontext() if is_last else model.no_sync():
                    loss = (model(inputs) - targets).square().mean()
                    (loss / micro).backward()
                if is_last:
                    average_by_hand(model, training.by_hand)
                guard.on_after_backward(loss)
            if training.clip is not None:
                nn.utils.clip_grad_norm_(model.parameters(), training.clip)
            optimizer.step()
        if rank == 0:
            guard.on_validation_end({"loss": 0.5})
    return guard.run_id


def average_by_hand(model: nn.Module, names: set[str]) -> None:
    for name, parameter in model.named_parameters():
        if name in names:
            dist.all_reduce(parameter.grad)
            parameter.grad /= dist.get_world_size()


def main(folder: Path, names: list[str]) -> None:
    dist.init_process_group("gloo")
    is_first = dist.get_rank() == 0
    found: dict[str, Any] = {}
    for name in names:
        run_id = train(name)
        if is_first:
            found[name] = {"run_id": run_id, "reference": reference(TRAININGS[name].clip)}
    if is_first:
        assert mlflow.active_run() is None
        (folder / "reference.json").write_text(json.dumps(found))
    dist.barrier()
    dist.destroy_process_group()


def main_until_killed(victim: int) -> None:
    """Train until a rank is killed; the others come to an end by themselves."""
    dist.init_process_group("gloo")
    train("ddp", die_at=3 if dist.get_rank() == victim else None)


if __name__ == "__main__":
    if sys.argv[1] == "kill":
        main_until_killed(int(sys.argv[2]))
    else:
        main(Path(sys.argv[1]), sys.argv[2:])
