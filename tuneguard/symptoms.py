"""What follows from what: names of findings that are symptoms of many causes."""

from __future__ import annotations

from typing import Final

STANDSTILL: Final[frozenset[str]] = frozenset(
    {
        "batch-size",
        "learning-rate-too-low",
        "loss-plateau",
        "no-learning",
        "noisy-validation",
        "stopped-too-early",
        "underfitting",
        "update-ratio-out-of-band",
        "wasted-epochs",
    }
)
"""Findings that whatever keeps a run from learning brings with it."""

UPHEAVAL: Final[frozenset[str]] = frozenset(
    {
        "clipping-saturated",
        "dead-units",
        "divergence",
        "exploding-gradients",
        "learning-rate-oscillation",
        "learning-rate-too-high",
        "loss-spikes",
        "non-finite-values",
        "saturated-units",
        "vanishing-gradients",
    }
)
"""Findings that steps bring with them that go too far for the weights, whatever made them long."""

MISJUDGED_VALIDATION: Final[frozenset[str]] = frozenset(
    {"no-generalization", "overconfidence", "overfitting"}
)
"""Findings that hold validation against a training loss: of no meaning where that was lost."""
