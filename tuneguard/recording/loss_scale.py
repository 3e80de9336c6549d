"""What the gradients are scaled by in mixed precision, and which of them no more."""

from __future__ import annotations

from collections.abc import Sequence

import torch

_NONE_OF_THEM: frozenset[int] = frozenset()


class LossScale:
    """Follows a `GradScaler`, whose `unscale_` works on the parameters of one optimizer.

    Args:
        scaler: What scales the loss, if anything does.
        optimizers: Whose parameters may be unscaled.
        parameters: The model's.
    """

    def __init__(
        self,
        scaler: torch.amp.GradScaler | None,
        optimizers: Sequence[torch.optim.Optimizer],
        parameters: Sequence[torch.Tensor],
    ) -> None:
        self._scaler = scaler
        self._optimizers = optimizers
        self._position = {id(one): position for position, one in enumerate(parameters)}

    def read(self, device: torch.device) -> torch.Tensor | None:
        """Return the scale at this moment, of one element; `None` where nothing is scaled."""
        if self._scaler is None or not self._scaler.is_enabled():
            return None
        scale: torch.Tensor = self._scaler.scale(torch.ones((), device=device))
        return scale

    def unscaled(self) -> frozenset[int]:
        """Return the positions of the parameters that `unscale_` was called for in this step."""
        states = getattr(self._scaler, "_per_optimizer_states", None)
        if not states:
            return _NONE_OF_THEM
        done = [one for one in self._optimizers if id(one) in states and _is_done(states[id(one)])]
        return frozenset(
            self._position[id(parameter)]
            for one in done
            for group in one.param_groups
            for parameter in group["params"]
            if id(parameter) in self._position
        )


def _is_done(state: dict[str, object]) -> bool:
    return getattr(state.get("stage"), "name", "") == "UNSCALED"
