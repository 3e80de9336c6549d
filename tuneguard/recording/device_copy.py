"""Small tensors on their way to the host, without a step that waits for the device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray


def gathered(pieces: Sequence[torch.Tensor]) -> torch.Tensor:
    """Put flat tensors of any devices one after another, without waiting for any.

    They come together on the first one's device, or on the first accelerator: a copy to the host
    would have to be waited for.
    """
    devices = list(dict.fromkeys(one.device for one in pieces))
    if len(devices) > 1:
        device = next(one for one in devices if one.type != "cpu")
        pieces = [one.to(device, non_blocking=True) for one in pieces]
    return torch.cat(list(pieces))


Floats = NDArray[np.floating[Any]]

_OF_NUMPY = {torch.float16, torch.float32, torch.float64}


class DeviceCopy:
    """Copies of tensors to the host; started at once, waited for when they are read.

    Those of one device come in one piece; what is on the host already is taken as it is, so the
    caller must not write to it any more.

    Args:
        tensors: On any devices, of any shapes.
    """

    def __init__(self, tensors: Sequence[torch.Tensor]) -> None:
        self._sizes = [tensor.numel() for tensor in tensors]
        self._here: dict[int, torch.Tensor] = {}
        places: dict[torch.device, list[int]] = {}
        for position, tensor in enumerate(tensors):
            if tensor.device.type == "cpu":
                self._here[position] = tensor
            else:
                places.setdefault(tensor.device, []).append(position)
        self._copies = [
            (positions, _Copy(torch.cat([tensors[one].detach().reshape(-1) for one in positions])))
            for positions in places.values()
        ]

    def read(self) -> list[Floats]:
        """Return the tensors, flat and in the order in which they were given."""
        for positions, copy in self._copies:
            pieces = torch.split(copy.read(), [self._sizes[one] for one in positions])
            self._here.update(zip(positions, pieces, strict=True))
        self._copies = []
        return [_to_numpy(self._here[position]) for position in range(len(self._sizes))]


class _Copy:
    """A flat tensor that comes to the host."""

    def __init__(self, flat: torch.Tensor) -> None:
        self._event: torch.cuda.Event | None = None
        self._host = flat
        if flat.is_cuda:
            self._host = torch.empty(flat.shape, dtype=flat.dtype, device="cpu", pin_memory=True)
            self._host.copy_(flat, non_blocking=True)
            with torch.cuda.device(flat.device):
                self._event = torch.cuda.Event()  # type: ignore[no-untyped-call] # torch has no types for it
                self._event.record()

    def read(self) -> torch.Tensor:
        if self._event is not None:
            self._event.synchronize()
        return self._host.cpu()


def _to_numpy(tensor: torch.Tensor) -> Floats:
    if tensor.dtype not in _OF_NUMPY:
        tensor = tensor.to(torch.float64)
    return tensor.detach().numpy().ravel()
