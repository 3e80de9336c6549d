"""Norms of gradients, taken on the device and left there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch

from tuneguard.recording.layers import local

_NARROW = {torch.float16, torch.bfloat16}


@torch.no_grad()
def gradient_norms(parameters: Iterable[torch.Tensor]) -> tuple[tuple[int, ...], torch.Tensor]:
    """Return the L2 norm of each parameter's gradient, without waiting for the device.

    Args:
        parameters: Leaves of the graph; those without a gradient are left out, a sparse gradient
            counts as the dense one that it stands for.

    Returns:
        Positions of the parameters that have a gradient, and their norms: shape `(n,)`, on the
        device of the first gradient.
    """
    positions: list[int] = []
    gradients: list[torch.Tensor] = []
    for position, parameter in enumerate(parameters):
        gradient = parameter.grad
        if gradient is not None:
            positions.append(position)
            gradients.append(_dense(gradient))
    if not gradients:
        return (), torch.empty(0)
    device = gradients[0].device
    norms = [norm.to(device, torch.float32, non_blocking=True) for norm in _norms(gradients)]
    return tuple(positions), torch.stack(norms)


def _dense(gradient: torch.Tensor) -> torch.Tensor:
    gradient = local(gradient.detach())
    return gradient.coalesce().values() if gradient.is_sparse else gradient


def _norms(gradients: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
    # a norm beyond 65,504 would overflow in half precision
    wide = torch.float32 if any(one.dtype in _NARROW for one in gradients) else None
    foreach_norm = getattr(torch, "_foreach_norm", None)
    if foreach_norm is not None and len({one.device for one in gradients}) == 1:
        norms: Sequence[torch.Tensor] = foreach_norm(gradients, 2, dtype=wide)
        return norms
    return [torch.linalg.vector_norm(one, dtype=wide) for one in gradients]
