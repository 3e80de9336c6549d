"""A fixed sample of a model's coordinates, read cheaply again and again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from tuneguard.recording.device_copy import gathered
from tuneguard.recording.host_entries import HostEntries
from tuneguard.recording.layers import local

TOTAL_COORDINATES = 8192
MOST_PARAMETERS = 96
SMALL = 64
_MOST_OF_ONE = 256

Versions = list[tuple[int, int]]


class Sketch:
    """Reads the same coordinates of parameters and of their gradients.

    Small parameters are read whole, of others randomly chosen entries. Each parameter costs a
    call: those that are small beside another of their layer, as biases are, are left to it, and
    of very many some are chosen, evenly from first to last and the large ones first. The choice
    does not touch the global random state. Nothing read is waited for.

    Args:
        parameters: What the optimizer may change.
        layer_of: Which layer each belongs to; each to one of its own where not given.
        seed: Determines the choice.

    Attributes:
        positions: Which of the parameters are read: shape `(n,)`.
        parameters: Those that are read.
        owners: Shape `(coordinates,)`: index into `positions` for each coordinate.
        weights: Shape `(coordinates,)`: how many of the model's coordinates each stands for.
    """

    def __init__(
        self,
        parameters: Sequence[torch.Tensor],
        layer_of: Sequence[int] | NDArray[np.intp] | None = None,
        seed: int = 0,
    ) -> None:
        self._all = parameters
        self._layer_of = range(len(parameters)) if layer_of is None else layer_of
        self._seed = seed
        generator = torch.Generator("cpu").manual_seed(seed)
        sizes = [_trainable_size(parameter) for parameter in parameters]
        self._trainable = frozenset(position for position, size in enumerate(sizes) if size)
        positions = _chosen(_without_small(sizes, self._layer_of))
        limit = min(_MOST_OF_ONE, TOTAL_COORDINATES // max(1, len(positions)))
        self.positions: NDArray[np.intp] = np.array(positions, dtype=np.intp)
        self.parameters = [parameters[position] for position in positions]
        entries = [
            torch.arange(sizes[position], device="cpu")
            if sizes[position] <= limit
            else _scattered(sizes[position], limit, generator)
            for position in positions
        ]
        # copied to their devices now: a step would wait for that
        self._entries = [
            one.to(local(parameter.detach()).device)
            for one, parameter in zip(entries, self.parameters, strict=True)
        ]
        self._on_host = HostEntries(
            [one.numpy() for one in entries], [sizes[position] for position in positions]
        )
        counts = [len(entries) for entries in self._entries]
        # what is read speaks for the parameters that are not
        spoken_for = sum(sizes) / max(1, sum(sizes[position] for position in positions))
        shares = [
            spoken_for * sizes[position] / count
            for position, count in zip(positions, counts, strict=True)
        ]
        self.owners: NDArray[np.intp] = np.repeat(np.arange(len(positions)), counts)
        self.weights: NDArray[np.float64] = np.repeat(np.array(shares, dtype=np.float64), counts)

    def covers(self, positions: Iterable[int]) -> bool:
        """Whether these parameters could be trained when the sketch was made."""
        return not self._all or self._trainable.issuperset(positions)

    def renewed(self) -> Sketch:
        """Return a sketch of what can be trained now."""
        return Sketch(self._all, self._layer_of, self._seed)

    def read_weights(self) -> torch.Tensor | None:
        """Return the parameters' coordinates, a copy on their device; `None` without any."""
        if not self.parameters:
            return None
        read = self._on_host.of_weights(self.parameters)
        return self._read(self.parameters) if read is None else read

    def read_gradients(self) -> torch.Tensor | None:
        """Return the gradients' coordinates, a copy on their device.

        Where a parameter has no gradient, or a sparse one, there are zeros. `None` where no
        parameter has a gradient.
        """
        gradients = [parameter.grad for parameter in self.parameters]
        if not any(gradient is not None for gradient in gradients):
            return None
        read = self._on_host.of_gradients(gradients)
        return self._read(gradients) if read is None else read

    def versions_of_weights(self) -> list[int]:
        """Return what changes when a parameter is written to, except through its `data`."""
        return [one._version for one in self.parameters]  # noqa: SLF001 - public in C++ only

    def versions_of_gradients(self) -> Versions:
        """Return what changes when a gradient is replaced or written to."""
        gradients = [parameter.grad for parameter in self.parameters]
        return [
            (0, 0) if one is None else (id(one), one._version)  # noqa: SLF001 - public in C++ only
            for one in gradients
        ]

    def take(self, number: int, tensor: torch.Tensor | None) -> torch.Tensor | None:
        """Return a tensor's entries where the sketch reads parameter `number`, a copy.

        `None` without a tensor, and for a sparse one.
        """
        if tensor is None or tensor.is_sparse:
            return None
        values = local(tensor)
        if values.is_complex():
            values = torch.view_as_real(values.resolve_conj())
        entries = self._entries[number]
        if entries.device != values.device:
            entries = self._entries[number] = entries.to(values.device)
        return torch.take(values, entries)

    def together(self, taken: Sequence[torch.Tensor | None]) -> torch.Tensor:
        """Return what was taken of each parameter in one piece; zeros where nothing was."""
        known = next((one for one in taken if one is not None), None)
        device = torch.device("cpu") if known is None else known.device
        return gathered(
            [
                torch.zeros(len(entries), device=device) if one is None else one
                for one, entries in zip(taken, self._entries, strict=True)
            ]
        )

    @torch.no_grad()
    def _read(self, tensors: Sequence[torch.Tensor | None]) -> torch.Tensor:
        return self.together([self.take(number, tensor) for number, tensor in enumerate(tensors)])


def _trainable_size(parameter: torch.Tensor) -> int:
    """How many real numbers of a parameter are here and can be trained."""
    is_real = parameter.is_floating_point()
    if not (is_real or parameter.is_complex()) or not parameter.requires_grad:
        return 0
    return local(parameter.detach()).numel() * (1 if is_real else 2)


def _scattered(size: int, count: int, generator: torch.Generator) -> torch.Tensor:
    return torch.randint(size, (count,), generator=generator, device="cpu").sort().values


def _without_small(sizes: Sequence[int], layer_of: Sequence[int] | NDArray[np.intp]) -> list[int]:
    """Return the sizes, 0 for what is small beside another parameter of its layer.

    >>> _without_small([900, 30, 2], [0, 0, 1]), _without_small([900, 9, 2], [0, 0, 1])
    ([900, 30, 2], [900, 0, 2])
    """
    largest: dict[int, int] = {}
    for size, layer in zip(sizes, layer_of, strict=True):
        largest[layer] = max(size, largest.get(layer, 0))
    return [
        size if size * SMALL >= largest[layer] else 0
        for size, layer in zip(sizes, layer_of, strict=True)
    ]


def _chosen(sizes: Sequence[int]) -> list[int]:
    """Return the positions to read, in order: all of them, or an even choice of the large ones.

    >>> _chosen([4, 0, 4])
    [0, 2]
    """
    there = [position for position, size in enumerate(sizes) if size]
    if len(there) <= MOST_PARAMETERS:
        return there
    median = float(np.median([sizes[position] for position in there]))
    large = [position for position in there if sizes[position] >= median]
    picks = np.unique(np.linspace(0, len(large) - 1, min(MOST_PARAMETERS, len(large))).astype(int))
    return [large[pick] for pick in picks]
