"""A larger batch, or a smaller one."""

from __future__ import annotations

from dataclasses import replace

from tuneguard.findings import Change, Prescription
from tuneguard.history import RunHistory
from tuneguard.prescriptions.wording import number


def other_batch_size(history: RunHistory, factor: float) -> Prescription:
    """Multiply the batch size of the run by `factor`."""
    current = history.hyperparameters.batch_size
    new = max(1, round(current * factor)) if current is not None else None
    suggested = str(new) if new is not None else f"{number(factor)} times the present size"
    is_larger = factor > 1.0
    origin = f" from {current:.0f}" if current is not None else ""
    return Prescription(
        parameter="batch_size",
        current=f"{current:.0f}" if current is not None else None,
        suggested=suggested,
        action=f"{'Raise' if is_larger else 'Lower'} the batch size{origin} to {suggested}.",
        rationale="The noise of the gradient says how many samples a step can make use of.",
        tradeoff=(
            "Each step costs more time and memory; accumulation spares the memory."
            if is_larger
            else "Steps are noisier: the learning rate may have to come down with the batch."
        ),
        changes=(
            Change("batch_size", float(new))
            if new is not None
            else Change("batch_size", factor, "multiply"),
        ),
        verify="gradient/noise_to_signal comes closer to 1.",
        snippet=(
            "from torch.utils.data import DataLoader\n\n"
            f'settings = {{"batch_size": {new if new is not None else 64}, "shuffle": True}}\n'
            "# train_loader = DataLoader(train_data, **settings)"
        ),
    )


def larger_batch_at_lower_rate(history: RunHistory, factor: float, rate: float) -> Prescription:
    """Average over more samples, and take shorter steps.

    Args:
        history: The run.
        factor: What to multiply the batch size by.
        rate: What to multiply the learning rate by.
    """
    larger = other_batch_size(history, factor)
    return replace(
        larger,
        suggested=f"{larger.suggested}, learning rate times {number(rate)}",
        action=f"{larger.action.removesuffix('.')}, and multiply the learning rate by "
        f"{number(rate)}.",
        rationale="The noise of a step goes with the learning rate over the batch size: both "
        "together lower it further than either alone.",
        changes=(*larger.changes, Change("learning_rate", rate, "multiply")),
        snippet=f"{larger.snippet}\n\nfor group in optimizer.param_groups:\n"
        f'    group["lr"] *= {rate!r}',
    )
