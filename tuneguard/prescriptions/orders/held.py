"""What a run's settings hold it by, whatever else was found."""

from __future__ import annotations

from tuneguard.findings import Prescription
from tuneguard.history import RunHistory
from tuneguard.prescriptions.learning_rate import less_momentum
from tuneguard.prescriptions.outputs import bare_output, bound_of_outputs
from tuneguard.prescriptions.regularisation import less_dropout

Order = tuple[Prescription, ...]

_MUCH_MOMENTUM, _USUAL_MOMENTUM = 0.95, 0.9
_MUCH_DROPOUT, _USUAL_DROPOUT = 0.6, 0.2


def steadier(history: RunHistory) -> Order:
    """Return less momentum where there is so much that it multiplies the learning rate."""
    momentum = history.hyperparameters.momentum or 0.0
    return (less_momentum(history, _USUAL_MOMENTUM),) if momentum > _MUCH_MOMENTUM else ()


def less_silenced(history: RunHistory) -> Order:
    """Return less dropout where most of the hidden units are silenced."""
    dropout = history.hyperparameters.dropout or 0.0
    return (less_dropout(history, _USUAL_DROPOUT),) if dropout > _MUCH_DROPOUT else ()


def bare(history: RunHistory) -> Order:
    """Return outputs without the bound that the loss is given them through, if there is one."""
    bound = bound_of_outputs(history)
    return (bare_output(bound, "loss"),) if bound is not None else ()


def held_down(history: RunHistory) -> Order:
    """Return all of these that apply."""
    return *bare(history), *less_silenced(history), *steadier(history)
