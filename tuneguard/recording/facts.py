"""What the optimizer and the model reveal of the run's settings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import nn

from tuneguard.recording.layers import unwrapped

_SETTINGS = {
    "lr": "learning_rate",
    "weight_decay": "weight_decay",
    "momentum": "momentum",
    "betas": "betas",
    "eps": "eps",
    "nesterov": "nesterov",
}


def facts_of_optimizers(optimizers: Sequence[torch.optim.Optimizer]) -> dict[str, str]:
    """Return the optimizers' classes, and the settings of the first parameter group."""
    facts = {"optimizer": ", ".join(dict.fromkeys(type(one).__name__ for one in optimizers))}
    groups = [group for one in optimizers for group in one.param_groups]
    group = groups[0] if groups else {}
    for setting, name in _SETTINGS.items():
        if group.get(setting) is not None:
            facts[name] = _text(group[setting])
    return facts


def facts_of_model(model: nn.Module) -> dict[str, str]:
    """Return the model's size, its activations, its dropout and its number of outputs."""
    modules = list(unwrapped(model).modules())
    facts = {"parameter_count": str(sum(one.numel() for one in model.parameters()))}
    activations = dict.fromkeys(type(one).__name__ for one in modules if _is_activation(one))
    if activations:
        facts["activations"] = ", ".join(activations)
    dropouts = [one.p for one in modules if isinstance(one, nn.modules.dropout._DropoutNd)]  # noqa: SLF001 - the only common class of all dropouts
    if dropouts:
        facts["dropout"] = _text(max(dropouts))
    outputs = [one.out_features for one in modules if isinstance(one, nn.Linear)]
    if outputs:
        facts["output_units"] = str(outputs[-1])
    return facts


def _is_activation(module: nn.Module) -> bool:
    is_of_torch = type(module).__module__ == "torch.nn.modules.activation"
    return is_of_torch and not isinstance(module, nn.MultiheadAttention)


def _text(value: object) -> str:
    if isinstance(value, torch.Tensor):
        return f"{value.item():g}"
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(_text(one) for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
