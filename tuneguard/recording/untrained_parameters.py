"""Which of a model's parameters nothing will change, found out before the first step."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence

import torch
from torch import nn

from tuneguard.recording.layers import Layers, local

LONGEST_FACT = 4000
_ENTRIES = 4096
_FEWEST_ENTRIES = 64
_KURTOSIS = {"uniform": (1.65, 1.95), "normal": (2.6, 3.4)}


def facts_of_parameters(
    layers: Layers, optimizers: Sequence[torch.optim.Optimizer]
) -> dict[str, str]:
    """Return the size of each layer, and which layers the optimizers will not change.

    Args:
        layers: The model's parameters.
        optimizers: All that train it.

    Returns:
        `layer_sizes`, a JSON object from the name of each layer to its number of parameters,
        from input to output. Where there are such layers, JSON lists of those that have a
        parameter which requires a gradient and is in no optimizer (`unoptimized_layers`), of
        those that require no gradient at all (`frozen_layers`), and of the latter those whose
        weights are as an initialisation leaves them (`frozen_at_random_layers`). What is longer
        than `LONGEST_FACT` characters is left out.
    """
    held = {id(one) for opt in optimizers for group in opt.param_groups for one in group["params"]}
    of_layer: dict[str, list[nn.Parameter]] = {name: [] for name in layers.names}
    for parameter, place in zip(layers.parameters, layers.of_parameters.tolist(), strict=True):
        of_layer[layers.names[place]].append(parameter)
    frozen = [name for name, own in of_layer.items() if not any(p.requires_grad for p in own)]
    facts = {
        "layer_sizes": {name: sum(p.numel() for p in own) for name, own in of_layer.items()},
        "unoptimized_layers": [
            name
            for name, own in of_layer.items()
            if any(p.requires_grad and id(p) not in held for p in own)
        ],
        "frozen_layers": frozen,
        "frozen_at_random_layers": [name for name in frozen if is_untrained(of_layer[name])],
    }
    written = {name: json.dumps(fact) for name, fact in facts.items() if fact}
    return {name: text for name, text in written.items() if len(text) <= LONGEST_FACT}


@torch.no_grad()
def is_untrained(parameters: Iterable[torch.Tensor]) -> bool:
    """Whether the weights of one layer look as an initialisation leaves them.

    Either they are uniform up to the sharp bound of one over the root of the fan-in, as torch
    initialises linear, convolutional and recurrent layers; or they are uniform or normal, going
    by their kurtosis, and the biases beside them exactly zero. Training blurs the bound and
    moves biases, so weights that were trained do not look like this. Normal weights without a
    bias could be either, and count as trained.

    Args:
        parameters: Those of the layer.

    References:
        LeCun et al. (1998), Efficient BackProp; He et al. (2015), Delving Deep into Rectifiers.
    """
    try:
        return _looks_untrained([local(one.detach()) for one in parameters])
    except (RuntimeError, NotImplementedError):
        return False  # quantized, nested and meta tensors do not show their entries


def _looks_untrained(there: Sequence[torch.Tensor]) -> bool:
    matrices = [one for one in there if one.ndim >= 2 and one.numel() >= _FEWEST_ENTRIES]
    vectors = [one for one in there if one.ndim == 1 and one.numel()]
    if not matrices or not all(one.is_floating_point() for one in there):
        return False
    bounds = [1.0 / math.sqrt(one.numel() / one.shape[0]) for one in matrices]
    if all(any(_fills(one, bound) for bound in bounds) for one in matrices):
        return True
    has_no_bias_yet = bool(vectors) and not any(bool(one.any()) for one in vectors)
    return has_no_bias_yet and all(_is_drawn(one) for one in matrices)


def _fills(weights: torch.Tensor, bound: float) -> bool:
    """Whether weights are spread evenly up to `bound` on both sides, and not beyond."""
    largest = float(weights.abs().max())
    return 0.95 * bound <= largest <= bound * (1 + 1e-4) and _is_drawn(weights, ("uniform",))


def _is_drawn(weights: torch.Tensor, kinds: Sequence[str] = tuple(_KURTOSIS)) -> bool:
    flat = weights.flatten()
    entries = flat[:: max(1, len(flat) // _ENTRIES)].double()
    spread = entries.std(unbiased=False)
    if not bool(spread > 0.0):
        return False
    kurtosis = float(((entries - entries.mean()) / spread).pow(4).mean())
    return any(_KURTOSIS[kind][0] <= kurtosis <= _KURTOSIS[kind][1] for kind in kinds)
