"""Where the weights of a network are."""

from __future__ import annotations

from torch import nn


def with_weights(model: nn.Module) -> list[nn.Module]:
    """Return the modules that have matrices of weights of their own, in order; no norms."""
    return [
        module
        for module in model.modules()
        if any(parameter.ndim > 1 for parameter in module.parameters(recurse=False))
    ]


def last_layer(model: nn.Module) -> nn.Linear:
    """Return the linear layer that gives the outputs."""
    return [module for module in model.modules() if isinstance(module, nn.Linear)][-1]
