"""The learning rates of all parameter groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from tuneguard import keys
from tuneguard.recording.step_rows import Number

_Place = tuple[int, int]
"""Which optimizer, and which of its groups."""


class LearningRates:
    """Reads the learning rate of each parameter group, those that are added later included.

    Groups are counted through over all optimizers. One that is added later is counted last, so
    that the others keep their keys.

    Args:
        optimizers: What has the groups.
    """

    def __init__(self, optimizers: Sequence[torch.optim.Optimizer]) -> None:
        self._optimizers = optimizers
        self._places: list[_Place] = []
        self._order: list[int] | None = None
        self._names: list[str] = []

    def read(self) -> tuple[Number, ...]:
        """Return the rates as they are now, one a group."""
        rates = [
            rate if type(rate := group["lr"]) is float else _copied(rate)
            for one in self._optimizers
            for group in one.param_groups
        ]
        if len(rates) != len(self._places):
            self._count_through()
        return tuple(rates if self._order is None else [rates[place] for place in self._order])

    def names(self, count: int) -> Sequence[str]:
        """Return the metric keys of the first `count` rates."""
        return self._names[:count]

    def _count_through(self) -> None:
        groups = {
            (rank, index): group
            for rank, one in enumerate(self._optimizers)
            for index, group in enumerate(one.param_groups)
        }
        there = list(groups)
        kept = [place for place in self._places if place in groups]
        self._places = kept + [place for place in there if place not in kept]
        order = [there.index(place) for place in self._places]
        self._order = None if self._places == there else order
        names: list[str] = []
        for number, place in enumerate(self._places):
            key = keys.safe(f"{keys.LEARNING_RATE}/{groups[place].get('name', number)}")
            names.append(f"{key}_{number}" if key in names else key)
        self._names = names


def _copied(rate: Any) -> Number:
    return rate.detach().clone() if isinstance(rate, torch.Tensor) else float(rate)
