"""What prescriptions do to the layers of a built network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_LAYERS = (nn.Linear, nn.Conv2d)
_OTHERS = (nn.RNNBase, nn.Embedding, nn.EmbeddingBag)


@torch.no_grad()
def kaiming(model: nn.Module) -> None:
    """Initialise every layer after He et al. (2015), with biases of 0."""
    for layer in model.modules():
        if isinstance(layer, _LAYERS):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            _without_bias(layer)
        elif isinstance(layer, _OTHERS):
            layer.reset_parameters()


@torch.no_grad()
def xavier(model: nn.Module) -> None:
    """Initialise every layer after Glorot and Bengio (2010), with biases of 0."""
    for layer in model.modules():
        if isinstance(layer, _LAYERS):
            nn.init.xavier_uniform_(layer.weight)
            _without_bias(layer)
        elif isinstance(layer, _OTHERS):
            layer.reset_parameters()


@torch.no_grad()
def small(layer: nn.Linear, gain: float) -> None:
    """Initialise a last layer so that its first outputs are near 0."""
    nn.init.xavier_uniform_(layer.weight, gain=gain)
    _without_bias(layer)


def joined(model: nn.Module) -> None:
    """Take away what stands between a layer and its inputs, such as a detach."""
    for module in model.modules():
        module._forward_pre_hooks.clear()  # noqa: SLF001 - torch keeps no handle of a hook


class Around(nn.Module):
    """Adds to what some layers make of their inputs the inputs themselves.

    Args:
        inner: The layers; what comes out is as wide as what goes in.
    """

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the sum."""
        summed: Tensor = inputs + self.inner(inputs)
        return summed


def with_paths_around(model: nn.Module) -> nn.Module:
    """Put a path around each hidden layer of a stack that is as wide after it as before."""
    if not isinstance(model, nn.Sequential):
        return model
    groups: list[list[nn.Module]] = []
    for module in model:
        if isinstance(module, _LAYERS) or not groups:
            groups.append([])
        groups[-1].append(module)
    return nn.Sequential(*(_around(group) for group in groups[:-1]), *groups[-1])


def _around(group: list[nn.Module]) -> nn.Module:
    layer = group[0]
    is_square = isinstance(layer, nn.Linear) and layer.in_features == layer.out_features
    inner = nn.Sequential(*group)
    return Around(inner) if is_square else inner


def _without_bias(layer: nn.Linear | nn.Conv2d) -> None:
    if layer.bias is not None:
        layer.bias.zero_()
