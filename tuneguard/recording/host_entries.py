"""Entries of tensors in host memory, read through NumPy."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

Floats = NDArray[np.float32]


class HostEntries:
    """Reads chosen entries of plain single-precision tensors in host memory.

    The caches are cold between the operations of a training step: there, an operation of PyTorch
    costs some 15 µs, however small it is, and one of NumPy a fraction of that.

    Args:
        entries: Which entries of each tensor are read, as indices into it when it is flat.
        sizes: How many entries each tensor has.
    """

    def __init__(self, entries: Sequence[NDArray[np.int64]], sizes: Sequence[int]) -> None:
        self._entries = entries
        self._sizes = sizes
        bounds = np.cumsum([0, *(len(one) for one in entries)]).tolist()
        self._read: Floats = np.zeros(bounds[-1], np.float32)
        self._places = [self._read[slice(*pair)] for pair in itertools.pairwise(bounds)]
        self._weights: list[Floats] = []
        self._addresses: list[int] = []

    def of_weights(self, weights: Sequence[torch.Tensor]) -> torch.Tensor | None:
        """Return the entries one after another, a copy; `None` where a tensor is not plain.

        How to reach the weights is remembered for as long as they stay where they are.

        Args:
            weights: One tensor for each list of entries.
        """
        addresses = [weight.data_ptr() for weight in weights]
        if addresses != self._addresses:
            self._addresses = []
            self._weights = self._flat(weights)
            if len(self._weights) < len(weights):
                return None
            self._addresses = addresses
        for flat, entries, place in zip(self._weights, self._entries, self._places, strict=True):
            flat.take(entries, out=place, mode="clip")
        return torch.from_numpy(self._read.copy())

    def of_gradients(self, gradients: Sequence[torch.Tensor | None]) -> torch.Tensor | None:
        """Return the entries one after another, zeros where there is no gradient.

        `None` where a gradient is not plain.

        Args:
            gradients: One tensor for each list of entries.
        """
        for gradient, entries, place in zip(gradients, self._entries, self._places, strict=True):
            if gradient is None:
                place.fill(0.0)
                continue
            if type(gradient) is not torch.Tensor or not gradient.is_cpu or gradient.is_sparse:
                return None
            if gradient.dtype is not torch.float32 or gradient.requires_grad:
                return None
            gradient.numpy().take(entries, out=place, mode="clip")
        return torch.from_numpy(self._read.copy())

    def _flat(self, weights: Sequence[torch.Tensor]) -> list[Floats]:
        """Return weights as flat arrays on the same memory, up to the first that is not plain."""
        flat: list[Floats] = []
        for weight, size in zip(weights, self._sizes, strict=True):
            is_plain = type(weight) in {nn.Parameter, torch.Tensor} and weight.is_cpu
            if not is_plain or weight.dtype is not torch.float32 or weight.numel() != size:
                break
            if not weight.is_contiguous():
                break
            flat.append(weight.detach().numpy().reshape(-1))
        return flat
