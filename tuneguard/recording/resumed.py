"""How far a training had come before it is recorded."""

from __future__ import annotations

import torch

from tuneguard.recording.layers import local


def steps_taken(optimizer: torch.optim.Optimizer) -> int:
    """Return how many steps an optimizer has taken by its own count, 0 where it keeps none.

    May wait for the device, so it is for the time before the loop. Never raises.

    >>> parameter = torch.nn.Parameter(torch.ones(1))
    >>> adam = torch.optim.Adam([parameter])
    >>> parameter.sum().backward()
    >>> adam.step()
    >>> steps_taken(adam)
    1
    """
    try:
        counts = [state["step"] for state in optimizer.state.values() if "step" in state]
        return max((int(local(count)) for count in counts), default=0)
    except Exception:  # noqa: BLE001 - an optimizer of another make may keep anything there
        return 0
