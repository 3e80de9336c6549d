"""A Keras optimizer in the terms of torch: parameter groups, and hooks around its steps."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

Hook = Callable[..., Any]


class OptimizerLikeness(torch.optim.Optimizer):
    """Shows the recorder the steps of a Keras optimizer, which has no hooks of its own.

    It never changes a parameter: whoever follows the Keras optimizer calls `before` and `after`
    around each of its updates.

    Args:
        parameters: What is trained.
        settings: Learning rate and the like, under the names of torch.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], settings: dict[str, Any]) -> None:
        super().__init__(parameters, settings)
        self._hooks_before: OrderedDict[int, Hook] = OrderedDict()
        self._hooks_after: OrderedDict[int, Hook] = OrderedDict()

    def register_step_pre_hook(self, hook: Hook) -> RemovableHandle:
        """Have `hook` called before each update."""
        return _registered(self._hooks_before, hook)

    def register_step_post_hook(self, hook: Hook) -> RemovableHandle:
        """Have `hook` called after each update."""
        return _registered(self._hooks_after, hook)

    def before(self) -> None:
        """Tell the hooks that an update is about to be made."""
        for hook in tuple(self._hooks_before.values()):
            hook(self, (), {})

    def after(self) -> None:
        """Tell the hooks that the update is done."""
        for hook in tuple(self._hooks_after.values()):
            hook(self, (), {})

    def set_learning_rate(self, rate: Any) -> None:
        """Take the learning rate that the Keras optimizer uses for its update.

        Args:
            rate: A number, a tensor or a Keras variable; on an accelerator it stays there.
        """
        group = self.param_groups[0]
        value = getattr(rate, "value", rate)
        if isinstance(value, torch.Tensor) and value.device.type == "cpu":
            value = value.item()
        # the same object says without a comparison that the rate is the same
        if value is not group["lr"] and not (isinstance(value, float) and value == group["lr"]):
            group["lr"] = value


def likeness_of(optimizer: Any, parameters: Iterable[nn.Parameter]) -> OptimizerLikeness:
    """Return what shows the steps of a Keras optimizer, by the name of its class.

    Args:
        optimizer: A `keras.optimizers.Optimizer`, without one that scales the loss around it.
        parameters: What it trains.
    """
    kind = type(type(optimizer).__name__, (OptimizerLikeness,), {})
    likeness: OptimizerLikeness = kind(parameters, _settings(optimizer))
    likeness.set_learning_rate(optimizer.learning_rate)
    return likeness


def _settings(optimizer: Any) -> dict[str, Any]:
    known = {
        "lr": 0.0,
        "weight_decay": getattr(optimizer, "weight_decay", None),
        "momentum": getattr(optimizer, "momentum", None),
        "nesterov": getattr(optimizer, "nesterov", None),
        "eps": getattr(optimizer, "epsilon", None),
    }
    if hasattr(optimizer, "beta_1") and hasattr(optimizer, "beta_2"):
        known["betas"] = (optimizer.beta_1, optimizer.beta_2)
    return {name: value for name, value in known.items() if value is not None}


def _registered(hooks: OrderedDict[int, Hook], hook: Hook) -> RemovableHandle:
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle
