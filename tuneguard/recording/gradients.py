"""Norms of gradients, taken on the device and left there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch

from tuneguard.recording.device_copy import gathered
from tuneguard.recording.layers import local

_NARROW = {torch.float16, torch.bfloat16}


@torch.no_grad()
def gradient_norms(parameters: Iterable[torch.Tensor]) -> tuple[tuple[int, ...], torch.Tensor]:
    """Return the L2 norm of each parameter's gradient, without waiting for the device.

    Args:
        parameters: Leaves of the graph; those without a gradient are left out, a sparse gradient
            counts as the dense one that it stands for.

    Returns:
        Positions of the parameters that have a gradient, those of one device and precision
        together, and their norms: shape `(n,)`, on the accelerator where a gradient is there.
    """
    positions: list[int] = []
    gradients: list[torch.Tensor] = []
    for position, parameter in enumerate(parameters):
        gradient = parameter.grad
        if gradient is not None:
            positions.append(position)
            gradients.append(_dense(gradient))
    if not gradients:
        return (), torch.empty(0, device="cpu")
    kinds = dict.fromkeys((one.device, one.dtype) for one in gradients)
    if len(kinds) == 1:
        return tuple(positions), _norms(gradients)
    groups = [
        [rank for rank, one in enumerate(gradients) if (one.device, one.dtype) == kind]
        for kind in kinds
    ]
    norms = [_norms([gradients[rank] for rank in group]) for group in groups]
    return tuple(positions[rank] for group in groups for rank in group), gathered(norms)


def _dense(gradient: torch.Tensor) -> torch.Tensor:
    gradient = local(gradient)
    return gradient.coalesce().values() if gradient.is_sparse else gradient


def _norms(gradients: Sequence[torch.Tensor]) -> torch.Tensor:
    # a norm beyond 65,504 would overflow in half precision
    wide = torch.float32 if gradients[0].dtype in _NARROW else None
    foreach_norm = getattr(torch, "_foreach_norm", None)
    if foreach_norm is not None:
        return torch.stack(foreach_norm(gradients, 2, dtype=wide))
    return torch.stack([torch.linalg.vector_norm(one, dtype=wide) for one in gradients])
