"""What to try first for what was found, and what next.

Each function returns the changes that go with one finding. The order is that of their success
in `benchmarks/repair_rates`, on programs that are not among those the results are told of.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tuneguard.findings import Prescription
from tuneguard.history import RunHistory, Series
from tuneguard.prescriptions.batch_size import other_batch_size
from tuneguard.prescriptions.capacity import larger_model
from tuneguard.prescriptions.clipping import clip_gradients, raise_clip_norm
from tuneguard.prescriptions.inputs import look_at_batches, standardise_inputs
from tuneguard.prescriptions.learning_rate import (
    decay_over_run,
    decay_to_zero,
    keep_below,
    longer_steps,
    lower_learning_rate,
    raise_learning_rate,
    reduce_on_plateau,
    warm_up,
)
from tuneguard.prescriptions.numerics import (
    find_the_first_bad_value,
    overfit_one_batch,
    zero_gradients,
)
from tuneguard.prescriptions.outputs import bare_output, smaller_last_layer
from tuneguard.prescriptions.regularisation import less_weight_decay
from tuneguard.prescriptions.signal import (
    layer_wise_rates,
    leaky_activation,
    rectify_with_kaiming,
    residual_path,
    revive_units,
    smaller_initialisation,
)
from tuneguard.prescriptions.stopping import stop_at_best, train_longer
from tuneguard.prescriptions.wiring import train_layers

Order = tuple[Prescription, ...]

_USUAL_UPDATE = 2e-3


def for_long_steps(history: RunHistory, first_update: float | None, length: float) -> Order:
    """Steps that were too long for the weights.

    Args:
        history: The run.
        first_update: Update to weight ratio of the first steps, where it is known.
        length: How many steps the run had.
    """
    factor = 0.1
    if first_update is not None and np.isfinite(first_update) and first_update > 0.0:
        factor = float(np.clip(_USUAL_UPDATE / first_update, 0.01, 0.3))
    because = "the first updates were too large for the weights"
    return (
        lower_learning_rate(history, factor=factor, because=because),
        warm_up(history, _a_twentieth(length)),
    )


def for_short_steps(history: RunHistory, ratio: float | None) -> Order:
    """Steps that were too short; `ratio` is their median update to weight ratio, if known."""
    return (longer_steps(history, ratio),)


def for_swings(history: RunHistory, series: Series, because: str) -> Order:
    """A loss, `series`, that swings without settling, as `because` says of it."""
    return (
        lower_learning_rate(history, factor=0.1, because=because),
        decay_over_run(history, series),
        reduce_on_plateau(patience=3),
    )


def for_a_plateau(history: RunHistory, planned: int) -> Order:
    """A loss held up by the noise of steps that stayed long to the end, `planned` of them."""
    del history
    return decay_to_zero(planned), reduce_on_plateau(patience=3)


def for_a_departure(
    history: RunHistory, series: Series, best: tuple[float, float], *, is_early: bool
) -> Order:
    """A loss that departed from its best and stayed away.

    Args:
        history: The run.
        series: The loss.
        best: Where it was best, and how good.
        is_early: Whether that was right after the start.
    """
    at, level = best
    unit = series.axis.value
    because = f"the loss departed after {unit} {at:g} and did not come back"
    lower = lower_learning_rate(history, factor=0.1, because=because)
    if is_early:
        return lower, warm_up(history, _a_twentieth(float(series.steps[-1])))
    return lower, stop_at_best(at, unit, level, patience=5, name="training loss")


def for_bursts(history: RunHistory, healthy_norm: float) -> Order:
    """Bursts of the gradient; `healthy_norm` is its 90th percentile outside of them, or 0."""
    clip = (clip_gradients(history, healthy_norm),) if healthy_norm > 0.0 else ()
    because = "bursts of the gradient threw the weights out"
    return *clip, lower_learning_rate(history, factor=0.3, because=because)


def for_spikes(
    history: RunHistory, steps: Sequence[float], usual_norm: float | None, *, by_batch: bool
) -> Order:
    """Leaps of the loss.

    Args:
        history: The run.
        steps: Where it leapt.
        usual_norm: The 90th percentile of the gradient's norms outside of them, if known.
        by_batch: Whether single batches led them, rather than the gradient.
    """
    look = (look_at_batches(tuple(steps)),)
    clip = (clip_gradients(history, usual_norm),) if usual_norm else ()
    return (*look, *clip) if by_batch else (*clip, *look)


def for_overflow(history: RunHistory, step: float) -> Order:
    """Values that stopped being finite at a `step`."""
    return (
        lower_learning_rate(history, factor=0.1, because="the values overflowed"),
        find_the_first_bad_value(step),
    )


def for_units_born_dead(history: RunHistory, dead: float) -> Order:
    """Units that never fired, a share `dead` of a layer."""
    return revive_units(dead), leaky_activation(history)


def for_units_killed(history: RunHistory, update: float) -> Order:
    """Units killed by updates, the longest `update` times the weights."""
    because = "updates as large as the weights pushed the units out of reach of all data"
    factor = float(np.clip(1e-2 / update, 0.01, 0.3))
    return (
        lower_learning_rate(history, factor=factor, because=because),
        leaky_activation(history),
    )


def for_saturation(
    history: RunHistory, saturated: float, moments: tuple[float | None, float | None] | None
) -> Order:
    """Units at their flat ends from the start.

    Args:
        history: The run.
        saturated: The share of a layer's outputs.
        moments: Mean and deviation of the inputs where these are at fault, each if known.
    """
    scaled = (standardise_inputs(*moments),) if moments is not None else ()
    return *scaled, smaller_initialisation(history, saturated)


def for_faded_gradients(history: RunHistory) -> Order:
    """Gradients that fade on their way to the first layers."""
    return residual_path(history), rectify_with_kaiming(history)


def for_uneven_updates(history: RunHistory, layers: Sequence[str], factor: float) -> Order:
    """Layers whose updates would have to be `factor` times what they are to be like the rest."""
    return (layer_wise_rates(history, layers, factor),)


def for_confident_outputs(history: RunHistory, ratio: float) -> Order:
    """First outputs that cost `ratio` times as much as knowing nothing."""
    del history
    return (smaller_last_layer(ratio),)


def for_no_learning(history: RunHistory) -> Order:
    """A loss that never fell."""
    because = "nothing was learned at the present rate, and no step overshot"
    return overfit_one_batch(), raise_learning_rate(history, factor=10.0, because=because)


def for_a_poor_fit(history: RunHistory, reasons: Sequence[Prescription]) -> Order:
    """A training loss that settled high; `reasons` undo what the settings hold it up by."""
    is_wide = any(fix.parameter == "hidden_width" for fix in reasons)
    return tuple(reasons) if is_wide else (*reasons, larger_model(history, 4))


def for_strong_decay(history: RunHistory, suggested: float) -> Order:
    """Weight decay that holds the weights near zero; `suggested` is one that does not."""
    return (less_weight_decay(history, suggested),)


def for_tight_clipping(history: RunHistory, left: float, usual_norm: float | None) -> Order:
    """Clipping that leaves hardly anything.

    Args:
        history: The run.
        left: What it leaves of most gradients, as a share.
        usual_norm: The 90th percentile of the norms before clipping, if known.
    """
    clip = (raise_clip_norm(history, usual_norm),) if usual_norm is not None else ()
    factor = float(np.clip(1.0 / max(left, 1e-3), 2.0, 100.0))
    because = f"clipping leaves less than {left:.2g} of most gradients"
    return *clip, raise_learning_rate(history, factor=factor, because=because)


def for_tiny_batches(history: RunHistory) -> Order:
    """Batches of a few samples, whose noise keeps the loss up."""
    because = "a batch has so few samples"
    return (
        other_batch_size(history, 4.0),
        lower_learning_rate(history, factor=0.1, because=because),
    )


def for_kept_gradients(history: RunHistory) -> Order:
    """Gradients that are never cleared."""
    del history
    return (zero_gradients(),)


def for_a_standstill(history: RunHistory, layers: Sequence[str], *, is_whole: bool) -> Order:
    """Layers that had gradients and never moved, or the whole model, where `is_whole`."""
    if not is_whole:
        return (train_layers(history, layers),)
    because = "no weight moved at the present rate, although gradients arrived"
    return (raise_learning_rate(history, factor=10.0, because=because),)


def for_a_bounded_output(history: RunHistory, operation: str, loss: str) -> Order:
    """An `operation` that bounds what a `loss` is given."""
    del history
    return (bare_output(operation, loss),)


def for_a_rate_that_died(history: RunHistory, planned: int, unit: str) -> Order:
    """A learning rate that was gone before the run, of `planned` steps or epochs, was."""
    del history
    return (decay_to_zero(planned, unit),)


def for_a_rate_that_leapt(history: RunHistory, highest: float, leapt_to: float) -> Order:
    """A learning rate that leapt above the `highest` that the run had stood."""
    del history
    return (keep_below(highest, leapt_to),)


def for_an_early_end(
    history: RunHistory, shown: Series, factor: float, gain: float, name: str
) -> Order:
    """A run that ended while it still improved.

    Args:
        history: The run.
        shown: The series that was extrapolated.
        factor: How many times as long the next run should be.
        gain: How much better the curve is then.
        name: What the series is called.
    """
    because = "the loss still fell steadily when the run ended"
    return (
        train_longer(shown.span[1], factor, shown.axis.value, gain, name),
        raise_learning_rate(history, factor=3.0, because=because),
    )


def _a_twentieth(length: float) -> int:
    return max(20, int(0.05 * length))
