"""What to try first where gradients burst, are clipped, kept or overflow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tuneguard.findings import Prescription
from tuneguard.history import Role, RunHistory
from tuneguard.prescriptions.clipping import clip_gradients, raise_clip_norm
from tuneguard.prescriptions.inputs import look_at_batches
from tuneguard.prescriptions.learning_rate import (
    lower_learning_rate,
    raise_learning_rate,
)
from tuneguard.prescriptions.numerics import (
    find_the_first_bad_value,
    zero_gradients,
)
from tuneguard.prescriptions.orders.held import steadier
from tuneguard.prescriptions.orders.leaps import below_the_leap

Order = tuple[Prescription, ...]

_MOST = 0.5


def for_bursts(history: RunHistory, healthy_norm: float) -> Order:
    """Bursts of the gradient; `healthy_norm` is its 90th percentile outside of them, or 0.

    A run whose loss lay above its first value most of the time had no healthy gradients.
    """
    is_healthy = healthy_norm > 0.0 and not _was_thrown_out(history)
    clip = (clip_gradients(history, healthy_norm),) if is_healthy else ()
    because = "bursts of the gradient threw the weights out"
    lower, again = (
        lower_learning_rate(history, factor=factor, because=because) for factor in (0.3, 0.03)
    )
    return *below_the_leap(history), *steadier(history), *clip, lower, again


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
    lower, again = (
        lower_learning_rate(history, factor=factor, because="the values overflowed")
        for factor in (0.1, 0.01)
    )
    leapt = below_the_leap(history)
    return *leapt, *steadier(history), lower, find_the_first_bad_value(step), again


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


def for_kept_gradients(history: RunHistory) -> Order:
    """Gradients that are never cleared."""
    del history
    return zero_gradients(), zero_gradients(factor=5.0), zero_gradients(factor=25.0)


def _was_thrown_out(history: RunHistory) -> bool:
    """Whether most losses that are finite lie above the first."""
    loss = history.get(Role.TRAIN_LOSS)
    values = loss.finite().values if loss is not None else np.empty(0)
    return len(values) > 1 and float(np.mean(values[1:] > values[0])) > _MOST
