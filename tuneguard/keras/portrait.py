"""A Keras model in the terms of torch: its layers as modules that hold its variables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

_ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "hard_sigmoid": nn.Hardsigmoid,
    "hard_silu": nn.Hardswish,
    "softplus": nn.Softplus,
    "softmax": nn.Softmax,
}
_ACTIVATION_LAYERS = {"ReLU": "relu", "LeakyReLU": "leaky_relu", "ELU": "elu"}
_STATISTICS = ("moving_mean", "moving_variance")


class Portrait(nn.Module):
    """Shows the recorder a Keras model.

    Keras keeps all variables of a model in one flat dictionary of parameters, the statistics of
    normalisations and the states of random generators among them. Here each layer is a module of
    its own, named after the path of its variables, in the order of the model's variables, with
    the very parameters that are trained; activations, dropout and widths are told by torch's own
    classes. Nothing is computed by it.

    Args:
        model: A built `keras.Model` of the torch backend.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        layers = _layers_of(model)
        by_path = {layer.path: layer for layer in layers}
        for variable in _weights_of(model, layers):
            owner, _, name = variable.path.rpartition("/")
            module = self._module(_inside(owner, model.name), by_path.get(owner))
            if name not in dict(module.named_parameters(recurse=False)):
                module.register_parameter(name, variable.value)
        for place, layer in enumerate(layers):
            self.add_module(f"behaviour_{place}", _behaviour(layer))

    def forward(self, inputs: Any, outputs: torch.Tensor) -> torch.Tensor:  # noqa: ARG002 - for who looks at the call
        """Return the outputs that the Keras model gave for these inputs."""
        return outputs

    def _module(self, path: str, layer: Any) -> nn.Module:
        """Return the module at a path such as `block/dense`, made where there is none."""
        *outer, last = [part.replace(".", "_") for part in path.split("/")]
        module: nn.Module = self
        for part in outer:
            if part not in dict(module.named_children()):
                module.add_module(part, nn.Module())
            module = getattr(module, part)
        if last not in dict(module.named_children()):
            module.add_module(last, _likeness(layer))
        return dict(module.named_children())[last]


class _Dense(nn.Linear):
    """A dense layer's place: its parameters are given to it."""

    def __init__(self, units: int) -> None:
        nn.Module.__init__(self)
        self.out_features = units


class _Normalisation(nn.modules.batchnorm._BatchNorm):  # noqa: SLF001 - the only common class
    """A batch normalisation's place: `beta` is its bias."""

    def __init__(self) -> None:
        nn.Module.__init__(self)

    @property
    def bias(self) -> Any:  # type: ignore[override] # nothing sets it
        return self._parameters.get("beta")


class _Convolution(nn.modules.conv._ConvNd):  # noqa: SLF001 - the only common class
    """A convolution's place: its parameters are given to it."""

    def __init__(self) -> None:
        nn.Module.__init__(self)


def _likeness(layer: Any) -> nn.Module:
    """Return the kind of module that a layer would be in torch."""
    name = type(layer).__name__
    if name == "Dense":
        return _Dense(layer.units)
    if name == "BatchNormalization":
        return _Normalisation()
    return _Convolution() if name in {"Conv1D", "Conv2D", "Conv3D"} else nn.Module()


def _behaviour(layer: Any) -> nn.Module:
    """Return what a layer does beside its weights: its activation, or its dropout."""
    name = type(layer).__name__
    if name.endswith("Dropout") and isinstance(getattr(layer, "rate", None), float | int):
        return nn.Dropout(float(layer.rate))
    function = getattr(getattr(layer, "activation", None), "__name__", "")
    kind = _ACTIVATIONS.get(_ACTIVATION_LAYERS.get(name, function))
    return nn.Module() if kind is None else kind()


def _layers_of(model: Any) -> list[Any]:
    """Return all layers, those inside of others included, from input to output."""
    return [layer for layer in model._flatten_layers(include_self=False) if layer is not model]  # noqa: SLF001 - no public way to nested layers


def _weights_of(model: Any, layers: Iterable[Any]) -> list[Any]:
    """Return what is trained, and what would be if its layer were not frozen."""
    frozen = [
        variable
        for layer in layers
        if not layer.trainable
        for variable in layer.weights
        if variable.value.is_floating_point() and variable.name not in _STATISTICS
    ]
    weights: Mapping[int, Any] = {id(one): one for one in [*frozen, *model.trainable_variables]}
    order = {id(one): place for place, one in enumerate(model.weights)}
    return sorted(weights.values(), key=lambda one: order.get(id(one), len(order)))


def _inside(path: str, model: str) -> str:
    """Return a path without the name of the model before it.

    >>> _inside("sequential/hidden", "sequential"), _inside("hidden", "functional")
    ('hidden', 'hidden')
    """
    return path.removeprefix(f"{model}/") or path
