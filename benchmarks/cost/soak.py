"""A million steps of a toy loop: how much is written, what is kept of a spike, what it holds."""

from __future__ import annotations

import time
from collections import Counter

import mlflow
import numpy as np
import torch
from mlflow import MlflowClient
from torch import nn

from benchmarks.cost.processes import resident_megabytes
from benchmarks.cost.recorded import record_of
from benchmarks.cost.results import Row, load_average
from tuneguard import TuneGuardCallback, keys
from tuneguard.spool.charts import INITIAL_CREDIT

SPIKE = 1000.0
SAMPLES = 20


def measure_soak(steps: int) -> Row:
    """Train a linear model with one step among all whose loss leaps, and look at what is left.

    Args:
        steps: How many; the loss leaps at two thirds of them.
    """
    torch.set_num_threads(1)
    load = load_average()
    spike_at = 2 * steps // 3
    with mlflow.start_run() as run:
        started = time.perf_counter()
        memory = _train(steps, spike_at)
        seconds = time.perf_counter() - started
    charted = _charted(run.info.run_id)
    record = record_of(run.info.run_id)
    at, losses = record.points[keys.TRAIN_LOSS]
    return {
        "steps": steps,
        "seconds": seconds,
        "spike_at": spike_at,
        "spike_in_record": float(losses[at == spike_at][0] / np.median(losses)),
        "spike_in_chart": _highest(run.info.run_id) / float(np.median(losses)),
        "losses_in_record": len(losses),
        "points": sum(charted.values()),
        "longest_series": max(charted.values()),
        "points_a_second": max(0, sum(charted.values()) - INITIAL_CREDIT) / seconds,
        "bytes_per_step": record.size / steps,
        "memory": memory,
        "load": [load, load_average()],
    }


def _train(steps: int, spike_at: int) -> list[float]:
    """Return the memory held in MiB: before the callback is made, then at even distances."""
    torch.manual_seed(0)
    model = nn.Linear(8, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    batches = [(torch.randn(4, 8), torch.randn(4, 1)) for _ in range(64)]
    memory = [resident_megabytes()]
    every = max(1, steps // SAMPLES)
    with TuneGuardCallback(model, optimizer) as guard:
        for step in range(steps):
            inputs, targets = batches[step % len(batches)]
            optimizer.zero_grad()
            loss = (model(inputs) - targets).square().mean()
            if step == spike_at:
                loss = loss * SPIKE
            loss.backward()
            guard.on_after_backward(loss)
            optimizer.step()
            if step % every == every - 1:
                memory.append(resident_megabytes())
    return memory


def _charted(run_id: str) -> Counter[str]:
    """How many points of each key the store has."""
    client = MlflowClient()
    names = client.get_run(run_id).data.metrics
    return Counter({name: len(client.get_metric_history(run_id, name)) for name in names})


def _highest(run_id: str) -> float:
    """The highest loss that the chart shows."""
    client = MlflowClient()
    names = (keys.TRAIN_LOSS, f"{keys.TRAIN_LOSS}{keys.MAXIMUM_SUFFIX}")
    return max(one.value for name in names for one in client.get_metric_history(run_id, name))
