"""A loop with Hugging Face's Accelerate, logged by its tracker for MLflow."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import mlflow
import torch
from accelerate import Accelerator
from torch import nn

from benchmarks.frameworks.networks import loaders, network, optimizer
from benchmarks.frameworks.programs import Program
from tuneguard import TuneGuardCallback

__all__ = ["LINE", "NAME", "OWN_LOGGING", "train"]

NAME = "Accelerate"
OWN_LOGGING = '`Accelerator(log_with="mlflow")`, every step'
LINE = "`with TuneGuardCallback(model, optimizer) as guard:` and its calls"


def train(program: Program, store: str, is_attached: bool) -> str:
    """Train a program."""
    mlflow.set_tracking_uri(store)
    accelerator = Accelerator(cpu=True, log_with="mlflow")
    accelerator.init_trackers(
        "digits",
        config={
            "learning_rate": program.learning_rate,
            "batch_size": program.batch_size,
            "epochs": program.epochs,
        },
    )
    net = network(program)
    solver = optimizer(program, net.parameters())
    model, solver, training, validation = accelerator.prepare(net, solver, *loaders(program))
    run = mlflow.active_run()
    if run is None:
        raise RuntimeError("the tracker opened no run")
    step = 0
    with TuneGuardCallback(model, solver) if is_attached else nullcontext() as guard:
        for _ in range(program.epochs):
            step = _epoch(accelerator, model, solver, training, guard, step)
            results = _validated(model, validation)
            accelerator.log({f"val_{name}": value for name, value in results.items()}, step=step)
            if guard is not None:
                guard.on_validation_end(results)
    accelerator.end_training()
    return str(run.info.run_id)


def _epoch(  # noqa: PLR0913, PLR0917 - what a loop has in its scope
    accelerator: Accelerator,
    model: nn.Module,
    solver: torch.optim.Optimizer,
    loader: Any,
    guard: TuneGuardCallback | None,
    step: int,
) -> int:
    for images, labels in loader:
        solver.zero_grad()
        loss = nn.functional.cross_entropy(model(images), labels)
        accelerator.backward(loss)
        if guard is not None:
            guard.on_after_backward(loss)
        solver.step()
        step += 1
        accelerator.log({"train_loss": loss.item()}, step=step)
    return step


@torch.no_grad()
def _validated(model: nn.Module, loader: Any) -> dict[str, float]:
    outputs, labels = (
        torch.cat(parts) for parts in zip(*((model(x), y) for x, y in loader), strict=True)
    )
    return {
        "loss": float(nn.functional.cross_entropy(outputs, labels)),
        "accuracy": float((outputs.argmax(1) == labels).float().mean()),
    }
