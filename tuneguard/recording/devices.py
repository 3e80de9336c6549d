"""Which device a training run would find."""

from __future__ import annotations

import torch


def describe_device() -> str:
    """Return the accelerator that torch sees, in words."""
    if not torch.cuda.is_available():
        return "CPU only: torch sees no CUDA device"
    index = torch.cuda.current_device()
    free, total = torch.cuda.mem_get_info(index)
    name = torch.cuda.get_device_name(index)
    return f"{name}, {free / 2**30:.1f} of {total / 2**30:.1f} GiB free"
