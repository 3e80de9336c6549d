"""A model's parameters, and the layers that they make up."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypeGuard

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.parallel import DataParallel, DistributedDataParallel

from tuneguard import keys

_WRAPPERS = re.compile(r"_orig_mod\.|_fsdp_wrapped_module\.")


class Layers:
    """Which parameter belongs to which layer: the module that holds it.

    Args:
        model: The model, or a wrapper around it (compiled, data parallel).

    Attributes:
        parameters: The model's parameters, each once.
        of_parameters: Shape `(parameters,)`: index into `names` of each one's layer.
        names: Paths of the layers in the order in which they were registered, which is from
            input to output in most models.
    """

    def __init__(self, model: nn.Module) -> None:
        inner = unwrapped(model)
        owners: list[str] = []
        self.parameters: list[nn.Parameter] = []
        for name, parameter in inner.named_parameters():
            owners.append(path_of(name.rpartition(".")[0], inner))
            self.parameters.append(parameter)
        self.names = tuple(dict.fromkeys(owners))
        position = {name: rank for rank, name in enumerate(self.names)}
        self.of_parameters = np.array([position[owner] for owner in owners], dtype=np.intp)

    def keys(self, quantity: str) -> tuple[str, ...]:
        """Return the metric key of `quantity` for each layer."""
        return tuple(
            keys.safe(f"{quantity}/{'global_' if name == keys.GLOBAL else name}")
            for name in self.names
        )

    def sums(
        self, of_parameters: NDArray[np.float64], indices: Sequence[int] | NDArray[np.intp]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Add up a quantity of parameters over the layers.

        Args:
            of_parameters: Shape `(rows, n)`.
            indices: Which parameter each of the `n` belongs to.

        Returns:
            The sums, of shape `(rows, layers)`, and of each layer whether anything was added.
        """
        layer_of = self.of_parameters[np.asarray(indices, dtype=np.intp)]
        rows, count = len(of_parameters), len(self.names)
        places = count * np.arange(rows)[:, np.newaxis] + layer_of
        sums = np.bincount(places.ravel(), of_parameters.ravel(), rows * count)
        is_there = np.bincount(layer_of, minlength=count) > 0
        return sums.astype(np.float64).reshape(rows, count), is_there


def path_of(name: str, model: nn.Module) -> str:
    """Return what a module of `model` is called: its path, that of the model its class.

    >>> path_of("_orig_mod.block.0", nn.Identity()), path_of("", nn.Identity())
    ('block.0', 'Identity')
    """
    return _WRAPPERS.sub("", f"{name}.")[:-1] or _class_of(model).__name__


def _class_of(model: nn.Module) -> type:
    """The class that the user wrote: `fully_shard` puts one of its own before it."""
    first, *others = type(model).__mro__
    is_wrapped = others[0].__name__ == "FSDPModule"
    return others[1] if is_wrapped else first


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the model inside of what parallel training and compilation wrap around it."""
    while True:
        if isinstance(model, DataParallel | DistributedDataParallel) or is_older_fsdp(model):
            model = model.module
        elif isinstance(inner := getattr(model, "_orig_mod", None), nn.Module):
            model = inner
        else:
            return model


def is_older_fsdp(model: nn.Module) -> TypeGuard[Any]:
    """Whether a module is the wrapper that came before `fully_shard`.

    Asked by name: importing it would take a second, where nobody uses it.
    """
    return type(model).__name__ == "FullyShardedDataParallel"


def local(tensor: torch.Tensor) -> torch.Tensor:
    """Return this process's share of a tensor that is spread over several."""
    if type(tensor) in {torch.Tensor, nn.Parameter}:
        return tensor
    to_local = getattr(tensor, "to_local", None)
    return tensor if to_local is None else to_local()
