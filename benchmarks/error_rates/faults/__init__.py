"""The faults: what each changes of a healthy setup, and how strongly."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.error_rates.faults import (
    capacity,
    data,
    machine,
    numerics,
    output,
    rates,
    schedules,
    signal,
    wiring,
)
from benchmarks.error_rates.setup import Setup

FAULTS: dict[str, Callable[[Setup, float], Setup]] = {
    function.__name__: function
    for function in (
        rates.learning_rate_too_high,
        rates.learning_rate_too_low,
        rates.momentum_too_high,
        rates.tiny_batch,
        schedules.schedule_dies_early,
        schedules.schedule_per_batch,
        schedules.schedule_jump,
        schedules.stopped_too_early,
        data.overfitting,
        data.shuffled_labels,
        data.mismatched_validation,
        data.validation_leak,
        data.unscaled_inputs,
        data.corrupt_batches,
        capacity.model_too_small,
        capacity.dropout_too_high,
        capacity.weight_decay_too_high,
        capacity.clipped_too_tightly,
        signal.exploding_init,
        signal.tiny_init,
        signal.vanishing_depth,
        signal.dead_relu,
        signal.saturated_init,
        wiring.missing_from_optimizer,
        wiring.detached_layers,
        wiring.no_update,
        wiring.missing_zero_grad,
        output.double_softmax,
        output.relu_on_output,
        output.bounded_output,
        output.bad_last_layer,
        numerics.nan_samples,
        numerics.overflowing_operation,
        numerics.loss_scale_collapse,
        machine.slow_loader,
    )
}
"""From a healthy setup and a dose to the faulty one, by kind."""
