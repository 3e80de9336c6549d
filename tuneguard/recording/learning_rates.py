"""The learning rates of all parameter groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from tuneguard import keys
from tuneguard.recording.step_rows import Number


class LearningRates:
    """Reads the learning rate of each parameter group, those that are added later included.

    Args:
        optimizers: Their groups are counted through.
    """

    def __init__(self, optimizers: Sequence[torch.optim.Optimizer]) -> None:
        self._optimizers = optimizers
        self._names: tuple[str, ...] = ()

    def read(self) -> tuple[Number, ...]:
        """Return the rates as they are now, one a group."""
        return tuple(
            [
                rate if type(rate := group["lr"]) is float else _copied(rate)
                for one in self._optimizers
                for group in one.param_groups
            ]
        )

    def names(self, count: int) -> Sequence[str]:
        """Return the metric keys of the first `count` rates."""
        if len(self._names) < count:
            groups = [group for one in self._optimizers for group in one.param_groups]
            self._names = tuple(
                keys.safe(f"{keys.LEARNING_RATE}/{group.get('name', index)}")
                for index, group in enumerate(groups)
            )
        return self._names[:count]


def _copied(rate: Any) -> Number:
    return rate.detach().clone() if isinstance(rate, torch.Tensor) else float(rate)
