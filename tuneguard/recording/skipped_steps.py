"""How many steps were attempted and not taken."""

from __future__ import annotations

import torch

from tuneguard import keys
from tuneguard.recording.step_rows import Step, StepRows


class SkippedSteps:
    """Counts the steps that a gradient scaler skips.

    Args:
        rows: Where the count goes.
    """

    def __init__(self, rows: StepRows) -> None:
        self._rows = rows
        self._count = 0
        self._on_device: torch.Tensor | None = None

    def add(self, step: Step) -> None:
        """Count a step that no optimizer took."""
        self._count += 1
        self._rows.add_single(keys.SKIPPED_STEPS, step.number, step.moment, float(self._count))

    def add_found_inf(self, step: Step, optimizer: torch.optim.Optimizer) -> None:
        """Count a step of a fused optimizer, which is told on the device to skip it.

        Its hooks fire all the same.
        """
        found_inf = optimizer.__dict__.get("found_inf")
        if isinstance(found_inf, torch.Tensor):
            before = self._on_device
            self._on_device = found_inf if before is None else found_inf + before
            self._rows.add_single(keys.SKIPPED_STEPS, step.number, step.moment, self._on_device)
