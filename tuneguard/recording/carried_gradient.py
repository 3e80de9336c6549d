"""What a backward pass finds in a gradient that it adds to: nothing, where it was zeroed."""

from __future__ import annotations

from collections.abc import Sequence

import torch

LOOKS = 6


class CarriedGradient:
    """Measures how much of a step's gradient is still there when the next one is added to it.

    One small parameter is looked at, at the first few steps only, by a hook that sees it right
    before a backward pass adds to its gradient. Of several passes in a step, the one that found
    least counts: one of them begins anew. With several optimizers it is not for us to say which
    gradient belongs to whose step, so nothing is measured.

    Args:
        optimizers: What trains the model.
    """

    def __init__(self, optimizers: Sequence[torch.optim.Optimizer]) -> None:
        self._optimizer = optimizers[0] if len(optimizers) == 1 else None
        self._looks = LOOKS
        self._parameter: torch.Tensor | None = None
        self._before: torch.Tensor | None = None
        self._least: torch.Tensor | None = None
        self._hook: torch.utils.hooks.RemovableHandle | None = None

    def arm(self) -> None:
        """Have the next backward pass watched; to be called when an update is done."""
        if self._optimizer is None or not self._looks:
            return
        self.collect()
        self._parameter = _smallest(self._optimizer)
        if self._parameter is not None and self._parameter.grad is not None:
            self._looks -= 1
            self._before = _norm(self._parameter.grad)
            self._hook = self._parameter.register_hook(self._look)  # type: ignore[no-untyped-call] # torch has no types for it

    def collect(self) -> torch.Tensor | None:
        """Return what was left as a share of what there had been, and leave no hook behind.

        Returns:
            One element, on the parameter's device; `None` where no backward pass was seen.
        """
        if self._hook is None:
            return None
        self._hook.remove()
        before, least = self._before, self._least
        self._parameter = self._hook = self._before = self._least = None
        if before is None or least is None:
            return None
        return torch.where(before > 0.0, least / before, torch.zeros_like(before))

    def _look(self, _: torch.Tensor) -> None:
        if self._parameter is None or self._before is None:
            return
        gradient = self._parameter.grad
        found = torch.zeros_like(self._before) if gradient is None else _norm(gradient)
        self._least = found if self._least is None else torch.minimum(self._least, found)


def _smallest(optimizer: torch.optim.Optimizer) -> torch.Tensor | None:
    """Return the smallest of its parameters that has an ordinary gradient."""
    found = [
        parameter
        for group in optimizer.param_groups
        for parameter in group["params"]
        if parameter.requires_grad
        and type(parameter.grad) is torch.Tensor
        and parameter.grad.layout is torch.strided
        and parameter.grad.is_floating_point()
        and parameter.grad.numel()
    ]
    return min(found, key=torch.Tensor.numel, default=None)


@torch.no_grad()
def _norm(gradient: torch.Tensor) -> torch.Tensor:
    # torch refuses to narrow while it adds up
    wide = torch.promote_types(gradient.dtype, torch.float32)
    norm: torch.Tensor = torch.linalg.vector_norm(gradient.detach(), dtype=wide)
    return norm
