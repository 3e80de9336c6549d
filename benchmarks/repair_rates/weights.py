"""What prescriptions do to the layers of a built network."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

_LAYERS = (nn.Linear, nn.Conv2d)
_LOOKED_AT = (*_LAYERS, nn.Embedding, nn.EmbeddingBag)
_ROUNDS = 5
_NOTHING = 1e-10


@torch.no_grad()
def kaiming(model: nn.Module) -> None:
    """Initialise every layer after He et al. (2015), with biases of 0."""
    _anew(model, partial(nn.init.kaiming_normal_, nonlinearity="relu"))


@torch.no_grad()
def lecun(model: nn.Module) -> None:
    """Initialise every layer after LeCun et al. (1998), with biases of 0."""
    _anew(model, partial(nn.init.kaiming_normal_, nonlinearity="linear"))


@torch.no_grad()
def xavier(model: nn.Module) -> None:
    """Initialise every layer after Glorot and Bengio (2010), with biases of 0."""
    _anew(model, nn.init.xavier_uniform_)


def _anew(model: nn.Module, initialise: Callable[[Tensor], object]) -> None:
    for layer in model.modules():
        if isinstance(layer, _LAYERS):
            initialise(layer.weight)
            _without_bias(layer)
        else:
            _reset(layer)


def _reset(layer: nn.Module) -> None:
    """Let a layer of another kind begin as it does by itself, where it has weights."""
    if any(one.ndim > 1 for one in layer.parameters(recurse=False)):
        for name in ("reset_parameters", "_reset_parameters"):
            getattr(layer, name, list)()


def unit_variance(model: nn.Module) -> None:
    """Scale each layer on the first batch until what it makes of it has variance 1."""

    def scale(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        handle.remove()
        _scale_layers(model, inputs)

    handle = model.register_forward_pre_hook(scale)


@torch.no_grad()
def _scale_layers(model: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    for layer in model.modules():
        if not isinstance(layer, _LOOKED_AT):
            _reset(layer)
    for layer in [one for one in model.modules() if isinstance(one, _LOOKED_AT)]:
        for _ in range(_ROUNDS):
            spread = _spread(model, layer, inputs)
            if spread is None:
                _reset(layer)
            if spread is None or spread < _NOTHING:
                break
            layer.weight.div_(spread)


def _spread(model: nn.Module, layer: nn.Module, inputs: tuple[Tensor, ...]) -> float | None:
    """Return how far a layer's outputs vary from sample to sample; `None` if none were seen."""
    seen: list[Tensor] = []
    hook = layer.register_forward_hook(lambda _, __, outputs: seen.append(outputs))
    model(*inputs)
    hook.remove()
    if not seen:
        return None
    outputs = seen[-1].movedim(1 if isinstance(layer, nn.Conv2d) else -1, -1)
    return float(outputs.flatten(0, -2).var(0).mean().sqrt())


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
