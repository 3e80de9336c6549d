"""What to try first for what was found, and what next.

Each function returns the changes that go with one finding. Their order is that of their success
in `benchmarks/repair_rates`, on programs that are not among those the results are told of.
"""

from __future__ import annotations

from tuneguard.prescriptions.orders.gradients import (
    for_bursts,
    for_kept_gradients,
    for_overflow,
    for_spikes,
    for_tight_clipping,
)
from tuneguard.prescriptions.orders.layers import (
    for_a_bounded_output,
    for_a_poor_fit,
    for_confident_outputs,
    for_faded_gradients,
    for_no_learning,
    for_saturation,
    for_strong_decay,
    for_targets_off_centre,
    for_uneven_updates,
    for_units_born_dead,
    for_units_killed,
)
from tuneguard.prescriptions.orders.steps import (
    for_a_departure,
    for_a_plateau,
    for_a_rate_that_died,
    for_a_rate_that_leapt,
    for_a_standstill,
    for_an_early_end,
    for_long_steps,
    for_short_steps,
    for_swings,
    for_tiny_batches,
)

__all__ = [
    "for_a_bounded_output",
    "for_a_departure",
    "for_a_plateau",
    "for_a_poor_fit",
    "for_a_rate_that_died",
    "for_a_rate_that_leapt",
    "for_a_standstill",
    "for_an_early_end",
    "for_bursts",
    "for_confident_outputs",
    "for_faded_gradients",
    "for_kept_gradients",
    "for_long_steps",
    "for_no_learning",
    "for_overflow",
    "for_saturation",
    "for_short_steps",
    "for_spikes",
    "for_strong_decay",
    "for_swings",
    "for_targets_off_centre",
    "for_tight_clipping",
    "for_tiny_batches",
    "for_uneven_updates",
    "for_units_born_dead",
    "for_units_killed",
]
