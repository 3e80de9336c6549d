"""Small tensors on their way to the host, without a step that waits for the device."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray


class DeviceCopy:
    """One copy of many tensors; started at once, waited for when it is read.

    Args:
        tensors: On any devices, of any shapes.
    """

    def __init__(self, tensors: Sequence[torch.Tensor]) -> None:
        self._sizes = [tensor.numel() for tensor in tensors]
        self._places: dict[torch.device, list[int]] = {}
        for position, tensor in enumerate(tensors):
            self._places.setdefault(tensor.device, []).append(position)
        self._copies = [
            _Copy(torch.cat([tensors[position].detach().reshape(-1) for position in positions]))
            for positions in self._places.values()
        ]

    def read(self) -> list[NDArray[np.float64]]:
        """Return the tensors, flat and in the order in which they were given."""
        found: dict[int, NDArray[np.float64]] = {}
        for positions, copy in zip(self._places.values(), self._copies, strict=True):
            ends = np.cumsum([self._sizes[position] for position in positions])
            pieces = np.split(copy.read(), ends[:-1])
            found.update(zip(positions, pieces, strict=True))
        return [found[position] for position in range(len(self._sizes))]


class _Copy:
    """A flat tensor that comes to the host."""

    def __init__(self, flat: torch.Tensor) -> None:
        self._event: torch.cuda.Event | None = None
        self._host = flat
        if flat.is_cuda:
            self._host = torch.empty(flat.shape, dtype=flat.dtype, pin_memory=True)
            self._host.copy_(flat, non_blocking=True)
            with torch.cuda.device(flat.device):
                self._event = torch.cuda.Event()  # type: ignore[no-untyped-call] # torch has no types for it
                self._event.record()

    def read(self) -> NDArray[np.float64]:
        if self._event is not None:
            self._event.synchronize()
        values: NDArray[np.float64] = self._host.cpu().to(torch.float64).numpy()
        return values
