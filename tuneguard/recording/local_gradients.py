"""A rank's own gradient, before it is averaged over the ranks."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from tuneguard.recording.sketch import Sketch


class LocalGradients:
    """Takes the sketch of what the backward passes of one step add, on this rank alone.

    `DistributedDataParallel` overwrites it with the average; hooks on the parameters see it
    before. They are there for the steps that are looked at closely only.
    """

    def __init__(self) -> None:
        self._sketch: Sketch | None = None
        self._hooks: list[torch.utils.hooks.RemovableHandle] = []
        self._sums: dict[int, torch.Tensor] = {}

    def arm(self, sketch: Sketch) -> None:
        """Take the gradients of the step that is about to begin."""
        self.collect()
        self._sketch = sketch
        self._hooks = [
            parameter.register_hook(partial(self._add, number, sketch))  # type: ignore[no-untyped-call] # torch has no types for it
            for number, parameter in enumerate(sketch.parameters)
            if parameter.requires_grad
        ]

    def collect(self) -> torch.Tensor | None:
        """Return what was taken, and leave no hook behind; `None` where nothing was."""
        for hook in self._hooks:
            hook.remove()
        sketch, sums = self._sketch, self._sums
        self._sketch, self._hooks, self._sums = None, [], {}
        if sketch is None or not sums:
            return None
        return sketch.together([sums.get(number) for number in range(len(sketch.parameters))])

    def _add(self, number: int, sketch: Sketch, gradient: torch.Tensor) -> None:
        with torch.no_grad():
            taken = sketch.take(number, gradient)
            if taken is not None:
                before = self._sums.get(number)
                self._sums[number] = taken if before is None else before + taken


def averaging_ranks(model: nn.Module, world_size: int) -> int:
    """Return how many ranks' gradients a model's become the average of: 1 for a plain model."""
    inner = getattr(model, "_orig_mod", model)
    return world_size if isinstance(inner, DistributedDataParallel) else 1
