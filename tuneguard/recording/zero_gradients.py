"""Units that got no gradient, told by their biases."""

from __future__ import annotations

import torch
from torch import nn

from tuneguard import keys
from tuneguard.recording.layers import local, path_of, unwrapped
from tuneguard.recording.unit_sample import SilentUnits

FEWEST_SAMPLES = 128
UNKNOWN_BATCH = 16

_LAYERS = (
    nn.Linear,
    nn.modules.conv._ConvNd,  # noqa: SLF001 - the only common class of all convolutions
    nn.modules.batchnorm._BatchNorm,  # noqa: SLF001 - and of all batch normalisations
)


class ZeroGradients:
    """Finds the units whose bias gradient is exactly zero over some hundred samples.

    The gradient of a bias is the sum of what its unit is told by the loss; it is exactly zero
    where the unit never reached the loss, as when the ReLU after it, module or function, did
    not fire. Layers without a bias are not seen. Small batches are put together.

    Args:
        model: The model; its linear layers, convolutions and batch normalisations are looked at.
    """

    def __init__(self, model: nn.Module) -> None:
        inner = unwrapped(model)
        self._biases = [
            (keys.safe(f"{keys.ZERO_GRADIENT_UNITS}/{path_of(name, inner)}"), module.bias)
            for name, module in inner.named_modules()
            if isinstance(module, _LAYERS) and isinstance(module.bias, nn.Parameter)
        ]
        self._seen: dict[torch.device, SilentUnits] = {}
        self._samples = 0

    def look(self, samples: int | None) -> list[SilentUnits]:
        """Take the gradients in; return the shares by device once there are enough samples.

        Args:
            samples: Size of the batch behind the gradients, where it is known.
        """
        found = self._found()
        if _layout(found) != _layout(self._seen):
            self._seen, self._samples = found, 0
        else:
            for place, part in found.items():
                seen = self._seen[place].activity
                torch.maximum(seen, part.activity, out=seen)
        self._samples += samples or UNKNOWN_BATCH
        if self._samples < FEWEST_SAMPLES:
            return []
        ready, self._seen = list(self._seen.values()), {}
        return ready

    def _found(self) -> dict[torch.device, SilentUnits]:
        gradients: dict[torch.device, list[tuple[str, torch.Tensor]]] = {}
        for key, bias in self._biases:
            gradient = bias.grad
            if gradient is not None and (gradient := local(gradient)).numel():
                gradients.setdefault(gradient.device, []).append((key, gradient))
        return {
            place: SilentUnits(
                tuple(key for key, _ in own),
                tuple(gradient.numel() for _, gradient in own),
                torch.cat([gradient for _, gradient in own]).detach().abs(),
            )
            for place, own in gradients.items()
        }


def _layout(parts: dict[torch.device, SilentUnits]) -> list[tuple[object, ...]]:
    return [(place, part.keys, part.sizes) for place, part in parts.items()]
