"""Changes that make better use of the machine: loading, batch, memory, ranks."""

from __future__ import annotations

import math

from tuneguard.findings import Prescription
from tuneguard.history import RunHistory
from tuneguard.history.roles import normalise
from tuneguard.prescriptions.wording import number

_MOST_WORKERS = 16
_WORKER_NAMES = {"num_workers", "dataloader_num_workers", "workers", "n_workers", "loader_workers"}

_LOADER = """import os

import torch

dataset = torch.utils.data.TensorDataset(torch.zeros(64, 4))  # put your own here
loader = torch.utils.data.DataLoader(
    dataset,
    batch_size={batch_size},
    shuffle=True,
    num_workers=min({workers}, os.cpu_count() or 1),
    prefetch_factor={prefetch},
    pin_memory=torch.cuda.is_available(),
    persistent_workers=True,
)"""

_DETACHED = """import torch

total_loss = 0.0
for inputs, targets in [(torch.zeros(2, 4), torch.zeros(2, dtype=torch.long))]:  # your loader
    loss = torch.nn.functional.cross_entropy(model(inputs), targets)
    total_loss += loss.item()  # a number; with `+= loss` every graph of the epoch is kept"""

_BOUNDED = """from collections import deque
import tracemalloc

recent = deque(maxlen=1000)  # in place of a list that only grows
tracemalloc.start()
before = tracemalloc.take_snapshot()
# ... train a few hundred steps here ...
for growth in tracemalloc.take_snapshot().compare_to(before, "lineno")[:5]:
    print(growth)
tracemalloc.stop()"""

_WRAPPED = """import torch
from torch.nn.parallel import DistributedDataParallel

if torch.distributed.is_available() and torch.distributed.is_initialized():
    model = DistributedDataParallel(model)  # call the wrapped model, never model.module"""

_SAMPLED = """import torch

dataset = torch.utils.data.TensorDataset(torch.zeros(64, 4))  # put your own here
is_spread = torch.distributed.is_available() and torch.distributed.is_initialized()
sampler = torch.utils.data.DistributedSampler(dataset, drop_last=True) if is_spread else None
loader = torch.utils.data.DataLoader(
    dataset, batch_size=32, shuffle=sampler is None, sampler=sampler, drop_last=True
)"""


def more_workers(history: RunHistory, wait: float) -> Prescription:
    """Load with so many processes that loading is no longer slower than training.

    Args:
        history: The run; its params may name the number of workers.
        wait: Share of the time that the loop waited, from 0 to 1.
    """
    current = _workers(history)
    left = max(1.0 - wait, 0.02)
    wanted = current / left if current else wait / left
    workers = min(max(math.ceil(wanted) + 1, 2), _MOST_WORKERS)
    if current is not None and workers <= current:
        workers = current + 2
    return Prescription(
        parameter="num_workers",
        current=None if current is None else str(current),
        suggested=str(workers),
        action=f"Load batches in {workers} worker processes that outlive the epoch.",
        rationale=f"Loading takes {number(1.0 / left)} times as long as the rest of a step.",
        tradeoff="Each worker holds a copy of the dataset object and takes a processor core.",
        verify="time/data_wait_fraction stays below 0.1, and samples per second rise.",
        snippet=_LOADER.format(batch_size=_batch_size(history), workers=workers, prefetch=2),
    )


def load_ahead(history: RunHistory) -> Prescription:
    """Prefetch more batches into pinned memory."""
    workers = max(_workers(history) or 0, 2)
    return Prescription(
        parameter="prefetch_factor",
        current="2 batches a worker, unless it was set",
        suggested="4 batches a worker, in pinned memory",
        action="Let each worker load 4 batches ahead, and pin them.",
        rationale="Batches that lie ready hide the slow ones among them, and pinned memory is "
        "copied to a GPU while it computes.",
        tradeoff="Memory for the batches that wait.",
        verify="time/data_wait_fraction falls, in its largest values above all.",
        snippet=_LOADER.format(batch_size=_batch_size(history), workers=workers, prefetch=4),
    )


def fill_the_accelerator(history: RunHistory, factor: int) -> Prescription:
    """Multiply the batch by `factor`, a whole number above 1."""
    batch = history.hyperparameters.batch_size
    current = None if not batch else f"{batch:g}"
    suggested = f"{batch * factor:g}" if batch else f"{factor} times the present one"
    return Prescription(
        parameter="batch_size",
        current=current,
        suggested=suggested,
        action=f"Make the batch {factor} times as large, or share the device with another run.",
        rationale="The device idles between small pieces of work, and its memory is mostly free.",
        tradeoff="Fewer steps in an epoch: raise the learning rate with the batch, and compare "
        "validation at equal samples.",
        verify="GPU utilisation rises, and so do samples per second.",
        snippet=_LOADER.format(
            batch_size=int(batch * factor) if batch else 32 * factor, workers=2, prefetch=2
        ),
    )


def detach_what_is_kept(megabytes: float) -> Prescription:
    """Keep numbers of the loss, not its graph.

    Args:
        megabytes: How much the memory grew over 1,000 steps.
    """
    return _flat_memory(
        "kept_tensors",
        megabytes,
        "Add up loss.item(), and detach() every tensor that outlives its step.",
        "A loss that is added up as a tensor keeps the graph of every step behind it.",
        "None: `.item()` waits for the device, so do it every few steps on a GPU.",
        _DETACHED,
    )


def bound_what_is_kept(megabytes: float) -> Prescription:
    """Find the container that grows, and bound it.

    Args:
        megabytes: How much the memory grew over 1,000 steps.
    """
    return _flat_memory(
        "kept_objects",
        megabytes,
        "Find what grows with tracemalloc, and bound it: a deque in place of a list.",
        "Lists of outputs, caches without a limit and metrics that are never reset grow at the "
        "pace of the steps.",
        "tracemalloc slows the steps that it watches.",
        _BOUNDED,
    )


def _flat_memory(  # noqa: PLR0913, PLR0917 - the parts of a prescription
    parameter: str, megabytes: float, action: str, rationale: str, tradeoff: str, snippet: str
) -> Prescription:
    return Prescription(
        parameter=parameter,
        current=f"{megabytes:.0f} MB more every 1,000 steps",
        suggested="no growth after the first epoch",
        action=action,
        rationale=rationale,
        tradeoff=tradeoff,
        verify="The memory's course is flat after the first epoch.",
        snippet=snippet,
    )


def average_over_ranks() -> Prescription:
    """Make the ranks apply one and the same gradient."""
    return Prescription(
        parameter="gradient_synchronisation",
        current="each rank its own gradient",
        suggested="one gradient, averaged over the ranks",
        action="Call the DistributedDataParallel model itself, and leave no_sync() for the last "
        "micro-batch.",
        rationale="Ranks that apply different gradients train different models.",
        tradeoff="One all-reduce a step.",
        verify="rank/gradient_disagreement is 0.",
        snippet=_WRAPPED,
    )


def even_out_ranks(skew: float) -> Prescription:
    """Give every rank the same amount of work.

    Args:
        skew: Time of the slowest rank over that of the usual one.
    """
    return Prescription(
        parameter="work_of_ranks",
        current=f"slowest rank at {number(skew)} times the usual time",
        suggested="equal batches from loaders alike on every rank",
        action="Shard the data evenly, bucket samples by length, and look at the slowest host.",
        rationale="Every step waits for the slowest rank.",
        tradeoff="The last incomplete batch of an epoch is left out.",
        verify="rank/step_seconds_skew stays below 1.1, and rank/data_wait_gap below 0.1.",
        snippet=_SAMPLED,
    )


def _workers(history: RunHistory) -> int | None:
    for name, value in history.params.items():
        if normalise(name) in _WORKER_NAMES and value.strip().isdigit():
            return int(value)
    return None


def _batch_size(history: RunHistory) -> int:
    return int(history.hyperparameters.batch_size or 32)
