"""What to try first where layers pass on too little, or the model may not fit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tuneguard import keys
from tuneguard.findings import Prescription
from tuneguard.history import RunHistory
from tuneguard.prescriptions.capacity import larger_model
from tuneguard.prescriptions.initialisation import (
    fresh_weights,
    has_two_ended_units,
    matching_weights,
    revive_units,
    smaller_initialisation,
    unit_variance,
)
from tuneguard.prescriptions.inputs import standardise_inputs
from tuneguard.prescriptions.learning_rate import (
    longer_steps,
    lower_learning_rate,
    raise_learning_rate,
    room_above,
    update_ratio_of,
    usual_ratio,
)
from tuneguard.prescriptions.loaded_weights import has_loaded_weights, sparing_loaded
from tuneguard.prescriptions.numerics import (
    overfit_one_batch,
)
from tuneguard.prescriptions.optimizers import layer_wise_rates, step_without_momentum
from tuneguard.prescriptions.orders.held import bare, less_silenced
from tuneguard.prescriptions.outputs import bare_output, centred_targets, smaller_last_layer
from tuneguard.prescriptions.regularisation import less_dropout, less_weight_decay
from tuneguard.prescriptions.signal import (
    leaky_activation,
    normalised_layers,
    rectify_with_kaiming,
    residual_path,
)

Order = tuple[Prescription, ...]

_CLEARLY_SHORT = 20.0
_FAR_SMALLER = 0.1
_FEWEST_LAYERS = 2
_SOME_DROPOUT = 0.05


def for_units_born_dead(history: RunHistory, dead: float) -> Order:
    """Units that never fired, a share `dead` of a layer."""
    return sparing_loaded(history, (revive_units(dead), leaky_activation(history)))


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
    smaller = smaller_initialisation(history, saturated)
    further = smaller, rectify_with_kaiming(history), unit_variance()
    return sparing_loaded(history, (*bare(history), *scaled, *further))


def for_faded_gradients(history: RunHistory) -> Order:
    """Gradients that fade on their way to the first layers.

    Units with two flat ends shrink them whatever the weights are; others do where the weights
    are too small.
    """
    units, normalised = rectify_with_kaiming(history), normalised_layers(history)
    has_two_ends = has_two_ended_units(history)
    if has_two_ends:
        order = units, normalised, residual_path(history), unit_variance()
    else:
        first = units if has_two_ends is None else matching_weights(history)
        order = first, unit_variance(), normalised, residual_path(history)
    return sparing_loaded(history, order)


def for_uneven_updates(history: RunHistory, layers: Sequence[str], factor: float) -> Order:
    """Layers whose updates would have to be `factor` times what they are to be like the rest."""
    return layer_wise_rates(history, layers, factor), step_without_momentum(history)


def for_confident_outputs(history: RunHistory, ratio: float) -> Order:
    """First outputs that cost `ratio` times as much as knowing nothing.

    Where the last layer's first updates are a far smaller part of its weights than those of the
    layers before it, its weights alone are too large; else those of every layer are, unless they
    were loaded: then the last is the one that is new.
    """
    last, every = smaller_last_layer(ratio), fresh_weights(history, ratio)
    share = _last_layer_update(history)
    is_alone = share is None or share < _FAR_SMALLER or has_loaded_weights(history)
    first = (last, every) if is_alone else (every, last)
    return sparing_loaded(history, (*first, unit_variance()))


def for_targets_off_centre() -> Order:
    """First outputs near 0, where the targets of a regression are not."""
    return (centred_targets(),)


def for_no_learning(history: RunHistory) -> Order:
    """A loss that never fell."""
    ratio = update_ratio_of(history) or 0.0
    is_short = ratio < usual_ratio(history) / _CLEARLY_SHORT
    has_flat_ends = has_two_ended_units(history) and not bare(history)
    order = (
        overfit_one_batch(),
        *bare(history),
        *less_silenced(history),
        *((longer_steps(history, ratio or None),) if is_short else ()),
        *((rectify_with_kaiming(history),) if has_flat_ends else ()),
        unit_variance(),
        normalised_layers(history),
    )
    return sparing_loaded(history, order)


def for_a_poor_fit(history: RunHistory, reasons: Sequence[Prescription]) -> Order:
    """A training loss that settled high; `reasons` undo what the settings hold it up by.

    Next come the other things that could: what the outputs are bounded by, all of the dropout,
    too few units, steps that are too short.
    """
    is_wide = any(fix.parameter == "hidden_width" for fix in reasons)
    dropout = history.hyperparameters.dropout or 0.0
    because = "the model may fit better where its steps are longer"
    return (
        *bare(history),
        *reasons,
        *((less_dropout(history, 0.0),) if dropout > _SOME_DROPOUT else ()),
        *(() if is_wide else (larger_model(history, 4),)),
        raise_learning_rate(history, factor=room_above(history), because=because),
    )


def for_strong_decay(history: RunHistory, suggested: float) -> Order:
    """Weight decay that holds the weights near zero; `suggested` is one that does not."""
    return less_weight_decay(history, suggested), less_weight_decay(history, 0.0)


def for_a_bounded_output(history: RunHistory, operation: str, loss: str) -> Order:
    """An `operation` that bounds what a `loss` is given."""
    del history
    return tuple(bare_output(operation, loss, factor=factor) for factor in (1.0, 5.0, 0.2))


def _last_layer_update(history: RunHistory) -> float | None:
    """Return the last layer's first update to weight ratio over the median of the layers'."""
    first = [one.finite().values[:1] for one in history.of_layers(keys.UPDATE_RATIO).values()]
    if not history.layers or len(first) < _FEWEST_LAYERS or not all(map(len, first)):
        return None
    usual = float(np.median(first[:-1]))
    return float(first[-1][0]) / usual if usual > 0.0 else None
