"""The loss of an optimizer step, from those of its micro-batches."""

from __future__ import annotations

from typing import Any

import torch

Loss = torch.Tensor | float


class LossMean:
    """Collects the losses of micro-batches, on the device where they are.

    Args:
        count: Micro-batches in an optimizer step.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._losses: list[Loss | None] = []

    def add(self, loss: Loss | None) -> bool:
        """Take the loss of a micro-batch in, and return whether it was the step's last."""
        self._losses.append(loss)
        return len(self._losses) >= self._count

    def take(self) -> Loss | None:
        """Return the mean, and start anew; `None` where a loss is missing."""
        losses, self._losses = self._losses, []
        known = [loss for loss in losses if loss is not None]
        if len(known) < len(losses):
            return None
        return known[0] if len(known) == 1 else sum(known) / len(known)


def measured_loss(loss: Any) -> Loss | None:
    """Return a copy of what the loop gives as its loss; `None` where it is no real number.

    >>> measured_loss(torch.tensor([1.0, 3.0])), measured_loss(1), measured_loss("1")
    (2.0, 1.0, None)
    """
    if isinstance(loss, torch.Tensor):
        if not loss.is_floating_point() or not loss.numel():
            return None
        if loss.ndim:
            loss = loss.detach().mean()
        # a copy: the loop may write to the same memory again; only a host's is there at once
        return float(loss.item()) if loss.device.type == "cpu" else loss.detach().clone()
    try:
        return None if isinstance(loss, str | bytes) else float(loss)
    except (TypeError, ValueError, OverflowError):
        return None
