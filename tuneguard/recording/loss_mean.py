"""The loss of an optimizer step, from those of its micro-batches."""

from __future__ import annotations

import torch


class LossMean:
    """Collects the losses of micro-batches, on the device where they are.

    Args:
        count: Micro-batches in an optimizer step.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._losses: list[torch.Tensor | float] = []

    def add(self, loss: torch.Tensor | float) -> torch.Tensor | float | None:
        """Take one loss in, and return the mean where it was the step's last."""
        if isinstance(loss, torch.Tensor):
            # a copy: the loop may write to the same memory again
            loss = loss.detach().clone() if loss.ndim == 0 else loss.detach().mean()
        self._losses.append(loss)
        if len(self._losses) < self._count:
            return None
        losses, self._losses = self._losses, []
        return losses[0] if self._count == 1 else sum(losses) / self._count
