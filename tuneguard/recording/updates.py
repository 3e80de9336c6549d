"""How large the optimizer's updates are, from a fixed sample of coordinates."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from tuneguard.recording.layers import local

WHOLE_BELOW = 256
TOTAL_COORDINATES = 20_000


class UpdateSample:
    """Reads the same randomly chosen coordinates before and after a step.

    Small parameters are read whole. What is read of the others is weighted by its share, so that
    the sums estimate those of whole parameters. The choice does not touch the global random
    state.

    Args:
        parameters: What the optimizer may change.
        seed: Determines the choice.
    """

    def __init__(self, parameters: Sequence[torch.Tensor], seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        limit = max(1, min(WHOLE_BELOW, TOTAL_COORDINATES // max(1, len(parameters))))
        self.positions: list[int] = []
        self._parameters: list[torch.Tensor] = []
        self._coordinates: list[torch.Tensor] = []
        counts: list[int] = []
        weights: list[float] = []
        for position, parameter in enumerate(parameters):
            size = local(parameter.detach()).numel()
            if not (parameter.is_floating_point() and parameter.requires_grad and size):
                continue
            chosen = torch.arange(size)
            if size > limit:
                chosen = torch.randint(size, (limit,), generator=generator)
            self.positions.append(position)
            self._parameters.append(parameter)
            self._coordinates.append(chosen)
            counts.append(len(chosen))
            weights.append(size / len(chosen))
        self._owner = torch.repeat_interleave(torch.tensor(counts, dtype=torch.int64))
        self._weight = torch.tensor(weights)[self._owner] if weights else torch.empty(0)
        self._before: torch.Tensor | None = None

    @torch.no_grad()
    def before(self) -> None:
        """Read the coordinates; to be called right before the optimizer's step."""
        self._before = self._read() if self._parameters else None

    @torch.no_grad()
    def after(self) -> torch.Tensor | None:
        """Compare with what was read before the step.

        Returns:
            Shape `(2, n)`, on the device: sums of squares of the update and of the weights for
            each of `positions`; `None` if nothing was read before.
        """
        before, self._before = self._before, None
        if before is None:
            return None
        change = self._read() - before
        squares = torch.stack([change * change, before * before]) * self._weight
        sums = torch.zeros(2, len(self._parameters), device=before.device)
        return sums.index_add_(1, self._owner, squares)

    def _read(self) -> torch.Tensor:
        device = self._parameters[0].device
        if self._owner.device != device:
            self._owner, self._weight = self._owner.to(device), self._weight.to(device)
        read: list[torch.Tensor] = []
        for rank, parameter in enumerate(self._parameters):
            values = local(parameter)
            if self._coordinates[rank].device != values.device:
                self._coordinates[rank] = self._coordinates[rank].to(values.device)
            taken = torch.take(values, self._coordinates[rank])
            is_here = taken.device == device
            read.append(taken if is_here else taken.to(device, non_blocking=True))
        return torch.cat(read).to(torch.float32)
