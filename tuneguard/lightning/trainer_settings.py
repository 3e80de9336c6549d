"""What a `Trainer` knows of the training that it is about to begin."""

from __future__ import annotations

import math
from collections.abc import Sized
from typing import Any


def known_to_trainer(trainer: Any, pl_module: Any) -> dict[str, Any]:
    """Return the arguments of `tuneguard.TuneGuardCallback` that need not be told.

    With manual optimization the number of optimizer steps a batch is the user's, so neither how
    many are planned nor how many were taken follows from the Trainer's counters.
    """
    known = {"scaler": getattr(trainer.precision_plugin, "scaler", None)}
    if pl_module.automatic_optimization:
        known["accumulate"] = trainer.accumulate_grad_batches
        known["first_step"] = trainer.global_step
        known["planned_steps"] = _planned_steps(trainer)
    return known


def facts_of_data(trainer: Any) -> dict[str, int]:
    """Return the size of a batch and of the training data, where the loader says them."""
    loader = trainer.train_dataloader
    facts = {}
    batch = getattr(loader, "batch_size", None)
    if isinstance(batch, int):
        facts["batch_size"] = batch
    dataset = getattr(loader, "dataset", None)
    if isinstance(dataset, Sized):
        facts["train_samples"] = len(dataset)
    return facts


def _planned_steps(trainer: Any) -> int | None:
    planned = trainer.estimated_stepping_batches
    return int(planned) if math.isfinite(planned) and planned > 0 else None
