"""What to try first where steps are too long, too short, too noisy or too few."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tuneguard.findings import Prescription
from tuneguard.history import Axis, RunHistory, Series
from tuneguard.prescriptions.batch_size import larger_batch_at_lower_rate, other_batch_size
from tuneguard.prescriptions.initialisation import unit_variance
from tuneguard.prescriptions.learning_rate import (
    longer_steps,
    lower_learning_rate,
    ordinary_rate,
    raise_learning_rate,
    room_above,
    start_anew,
)
from tuneguard.prescriptions.loaded_weights import sparing_loaded
from tuneguard.prescriptions.optimizers import more_momentum, step_without_momentum
from tuneguard.prescriptions.orders.held import bare, held_down, less_silenced, steadier
from tuneguard.prescriptions.orders.leaps import below_the_leap, bounded
from tuneguard.prescriptions.schedules import (
    decay_over_run,
    decay_to_zero,
    inverse_square_root,
    reduce_on_plateau,
    settle_from,
    warm_up,
)
from tuneguard.prescriptions.stopping import stop_at_best, train_longer
from tuneguard.prescriptions.wiring import train_layers
from tuneguard.prescriptions.wording import learning_rate_of, rounded

Order = tuple[Prescription, ...]

_FIRST_UPDATE = 1.5e-2
_TIMES_ORDINARY = 3.0
_AGAIN = 0.1  # the next one to try, where a rate is still too high
_LOWER = 0.3
_LITTLE, _USUAL_MOMENTUM = 0.5, 0.9
_HARDLY = 1e-4
_FEW_STEPS = 100.0
_FEW_SAMPLES, _USUAL_SAMPLES = 8.0, 32.0


def for_long_steps(history: RunHistory, first_update: float | None, length: float) -> Order:
    """Steps that were too long for the weights.

    Args:
        history: The run.
        first_update: Update to weight ratio of the first steps, where it is known.
        length: How many steps the run had.
    """
    factor = 0.1
    if first_update is not None and np.isfinite(first_update) and first_update > 0.0:
        factor = float(np.clip(_FIRST_UPDATE / first_update, 1e-3, 0.3))
    present = learning_rate_of(history)
    if present:
        factor = min(factor, max(_TIMES_ORDINARY * ordinary_rate(history) / present, 1e-6))
    because = "the first updates were too large for the weights"
    lower = lower_learning_rate(history, factor=factor, because=because)
    first = (*below_the_leap(history), *held_down(history))
    if first:
        return *first, lower
    again = lower_learning_rate(history, factor=_AGAIN * factor, because=because)
    samples = history.hyperparameters.batch_size
    if samples is not None and samples <= _FEW_SAMPLES:
        larger = other_batch_size(history, _larger(history))
        is_usual = present is not None and present <= _TIMES_ORDINARY * ordinary_rate(history)
        first = (larger, lower) if is_usual else (lower, larger)
        return *first, larger_batch_at_lower_rate(history, _larger(history), factor), again
    return lower, again, warm_up(history, _a_twentieth(length))


def for_short_steps(history: RunHistory, ratio: float | None) -> Order:
    """Steps that were too short; `ratio` is their median update to weight ratio, if known."""
    first = longer_steps(history, ratio)
    because = "the steps before were too short"
    factor = _factor_of(history, first)
    further, less = (
        (raise_learning_rate(history, factor=times * factor, because=because),)
        if times * factor > 1.0
        else ()
        for times in (4.0, 0.25)
    )
    held = (*bare(history), *less_silenced(history))
    # weights that are too small make gradients too small, and with them the steps
    order = (*held, first, *further, unit_variance(), *less, *_carried_on(history))
    return sparing_loaded(history, order)


def for_swings(history: RunHistory, series: Series, because: str) -> Order:
    """A loss, `series`, that swings without settling, as `because` says of it."""
    return (
        *below_the_leap(history),
        *steadier(history),
        lower_learning_rate(history, factor=0.1, because=because),
        decay_over_run(history, series),
        step_without_momentum(history),
        reduce_on_plateau(patience=3),
    )


def for_a_plateau(history: RunHistory, planned: int, since: float | None = None) -> Order:
    """A loss held up by the noise of steps that stayed long to the end.

    Args:
        history: The run.
        planned: How many steps there were to be.
        since: The step at which progress ended, where it is known.
    """
    del history
    root = (inverse_square_root(int(since)),) if since is not None else ()
    return decay_to_zero(planned), *root, reduce_on_plateau(patience=3)


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
        then = warm_up(history, _a_twentieth(float(series.steps[-1])))
    else:
        then = stop_at_best(at, unit, level, patience=5, name="training loss")
    return *below_the_leap(history), *steadier(history), lower, then


def for_tiny_batches(history: RunHistory) -> Order:
    """Batches of a few samples, whose noise keeps the loss up."""
    because = "a batch has so few samples"
    return (
        other_batch_size(history, _larger(history)),
        larger_batch_at_lower_rate(history, _larger(history), _LOWER),
        lower_learning_rate(history, factor=0.1, because=because),
    )


def for_a_standstill(history: RunHistory, layers: Sequence[str], *, is_whole: bool) -> Order:
    """Layers that had gradients and never moved, or the whole model, where `is_whole`."""
    present = learning_rate_of(history)
    is_still = present is not None and present < _HARDLY * ordinary_rate(history)
    anew = tuple(start_anew(history, factor=factor) for factor in (1.0, 5.0, 0.2))
    return anew if is_whole or is_still else (train_layers(history, layers),)


def for_a_rate_that_died(history: RunHistory, planned: int, unit: str) -> Order:
    """A learning rate that was gone before the run, of `planned` steps or epochs, was."""
    peak = learning_rate_of(history)
    flat = (settle_from(rounded(peak), planned, "constant"),) if peak else ()
    return decay_to_zero(planned, unit), *flat


def for_a_rate_that_leapt(history: RunHistory, highest: float, leapt_to: float) -> Order:
    """A learning rate that leapt above the `highest` that the run had stood."""
    return bounded(history, highest, leapt_to)


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
    length = shown.span[1]
    is_brief = shown.axis is Axis.STEP and length < _FEW_STEPS  # which costs little
    longer, still_longer = (
        train_longer(length, times * factor, shown.axis.value, gain, name)
        for times in ((3.0, 9.0) if is_brief else (1.0, 3.0))
    )
    faster = raise_learning_rate(history, factor=room_above(history), because=because)
    return longer, faster, still_longer


def _carried_on(history: RunHistory) -> Order:
    """Return momentum where the optimizer could have some and has next to none."""
    known = history.hyperparameters
    is_plain = (known.optimizer or "").lower() == "sgd" and (known.momentum or 0.0) < _LITTLE
    return (more_momentum(history, _USUAL_MOMENTUM),) if is_plain else ()


def _factor_of(history: RunHistory, fix: Prescription) -> float:
    """Return what a change of the learning rate multiplies it by."""
    (change,) = fix.changes
    current = learning_rate_of(history)
    value = float(change.value)
    return value if change.operation == "multiply" or not current else value / current


def _larger(history: RunHistory) -> float:
    """Return by what to multiply a tiny batch: at least by 4, and up to 32 samples."""
    return max(4.0, _USUAL_SAMPLES / (history.hyperparameters.batch_size or 4.0))


def _a_twentieth(length: float) -> int:
    return max(20, int(0.05 * length))
