"""The loss of an optimizer step, from those of its micro-batches."""

from __future__ import annotations

from typing import Any

import torch

Loss = torch.Tensor | float


class LossMean:
    """Collects the losses of micro-batches, on the device where they are.

    Args:
        count: Micro-batches in an optimizer step.

    Attributes:
        is_single: Whether there is but one, and nothing to collect.
        is_told: Whether the loop says itself which micro-batch is the last.
    """

    def __init__(self, count: int) -> None:
        self.is_single = count == 1
        self.is_told = False
        self._count = count
        self._losses: list[Loss | None] = []

    @property
    def is_begun(self) -> bool:
        """Whether some micro-batches of a step are here, and others are not."""
        return bool(self._losses)

    def add(self, loss: Loss | None, *, is_last: bool | None = None) -> bool:
        """Take the loss of a micro-batch in, and return whether it was the step's last.

        Args:
            loss: The loss; `None` where it is no number.
            is_last: What the loop says; where it says nothing, they are counted.
        """
        self._losses.append(loss)
        self.is_told = is_last is not None
        return len(self._losses) >= self._count if is_last is None else is_last

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
        if loss.ndim:
            if not loss.is_floating_point() or not loss.numel():
                return None
            loss = loss.detach().mean()
        if loss.is_cpu:
            number = loss.item()
            return number if type(number) is float else None
        # a copy: the loop may write to the same memory again
        return loss.detach().clone() if loss.is_floating_point() else None
    try:
        return None if isinstance(loss, str | bytes) else float(loss)
    except (TypeError, ValueError, OverflowError):
        return None


def described(loss: object) -> str:
    """Return what a thing is that should be a loss.

    >>> described(torch.zeros(2)), described("1")
    ('a tensor of shape (2,) and torch.float32', 'str')
    """
    if isinstance(loss, torch.Tensor):
        return f"a tensor of shape {tuple(loss.shape)} and {loss.dtype}"
    return type(loss).__name__
