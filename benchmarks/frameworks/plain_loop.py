"""A loop of one's own, which logs its losses once an epoch."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import mlflow
import torch
from torch import nn

from benchmarks.frameworks.networks import loaders, network, optimizer
from benchmarks.frameworks.programs import Program
from tuneguard import TuneGuardCallback

NAME = "plain loop"
OWN_LOGGING = "`mlflow.log_metrics` once an epoch"
LINE = "`with TuneGuardCallback(model, optimizer) as guard:` and its calls"


def train(program: Program, store: str, is_attached: bool) -> str:
    """Train a program."""
    mlflow.set_tracking_uri(store)
    model = network(program)
    solver = optimizer(program, model.parameters())
    training, validation = loaders(program)
    with mlflow.start_run() as run:
        mlflow.log_params(
            {
                "learning_rate": program.learning_rate,
                "batch_size": program.batch_size,
                "epochs": program.epochs,
                "optimizer": type(solver).__name__,
            }
        )
        with TuneGuardCallback(model, solver) if is_attached else nullcontext() as guard:
            for epoch in range(program.epochs):
                train_loss = _epoch(model, solver, training, guard)
                results = _validated(model, validation)
                if guard is not None:
                    guard.on_validation_end(results)
                validated = {f"val_{name}": value for name, value in results.items()}
                mlflow.log_metrics({"train_loss": train_loss, **validated}, step=epoch)
    return str(run.info.run_id)


def _epoch(model: nn.Module, solver: torch.optim.Optimizer, loader: Any, guard: Any) -> float:
    losses = []
    for images, labels in loader:
        solver.zero_grad()
        loss = nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        if guard is not None:
            guard.on_after_backward(loss)
        solver.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)


@torch.no_grad()
def _validated(model: nn.Module, loader: Any) -> dict[str, float]:
    outputs, labels = (
        torch.cat(parts) for parts in zip(*((model(x), y) for x, y in loader), strict=True)
    )
    return {
        "loss": float(nn.functional.cross_entropy(outputs, labels)),
        "accuracy": float((outputs.argmax(1) == labels).float().mean()),
    }
