"""Changes of the learning rate."""

from __future__ import annotations

import math

import numpy as np

from tuneguard.findings import Change, Prescription
from tuneguard.history import Role, RunHistory
from tuneguard.prescriptions.curvature import reach_of_steps
from tuneguard.prescriptions.wording import (
    has_several_rates,
    learning_rate_of,
    number,
    rounded,
    setting,
)

_HEALTHY_RATIO = 1e-3
_MOST_RATIO = 8e-3
_WAY = 4.0  # how far a run's updates add up to, over the weights
_LAG = 2.0  # as the loss falls so does the gradient: updates grow by less than the rate
_FURTHEST = 1000.0
_MOST_ROOM = 30.0
_ORDINARY_RATE = 1e-3  # of Adam and its like; where the present one is 0, no multiple helps
_ORDINARY_RATE_OF_SGD = 0.1  # over one less momentum: a step is that many gradients long
_VERIFY = (
    "The training loss falls from the first steps on, and update_ratio/global stays between "
    "1e-4 and 1e-2."
)


def lower_learning_rate(history: RunHistory, *, factor: float, because: str) -> Prescription:
    """Multiply the learning rate of the run by `factor`, below 1.

    Where the loss bends so that shorter steps yet would end at the lowest point of their way, by
    that.
    """
    reach = reach_of_steps(history)
    if reach is not None and reach < factor:
        factor, because = reach, f"{because}; {_told(reach)}"
    return _set_learning_rate(
        history,
        factor,
        verb="Lower",
        because=because,
        tradeoff="Each step moves less: the run may need more of them.",
        verify=_VERIFY,
    )


def raise_learning_rate(history: RunHistory, *, factor: float, because: str) -> Prescription:
    """Multiply the learning rate of the run by `factor`, above 1.

    Where the loss bends, at most by what takes a step to the level that it began at.
    """
    reach = reach_of_steps(history)
    if reach is not None and 1.0 < 2.0 * reach < factor:
        factor, because = 2.0 * reach, f"{because}; {_told(reach)}"
    return _set_learning_rate(
        history,
        factor,
        verb="Raise",
        because=because,
        tradeoff="Too far up, the loss overshoots: watch the first hundred steps.",
        verify=_VERIFY,
    )


def _told(reach: float) -> str:
    return (
        f"the curvature of the loss along the steps says that {number(reach)} times their length "
        "ends at the lowest point"
    )


def longer_steps(history: RunHistory, ratio: float | None) -> Prescription:
    """Raise the learning rate until updates are as long, for the weights, as is usual.

    That is about a thousandth of them where there is time, and up to eight in short runs. The
    factor is at least 3, and 10 where no `ratio` is known; it is twice what the ratio asks for,
    since the gradient falls with the loss, and updates grow by less than the rate.

    Args:
        history: The run.
        ratio: Its median update to weight ratio.
    """
    usual = usual_ratio(history)
    wanted = usual / ratio if ratio is not None and ratio > 0.0 else 10.0
    if wanted > _FURTHEST:
        return start_anew(history)
    if ratio is None:
        because = "the loss fell steadily, but hardly got anywhere"
    else:
        because = f"updates were {ratio:.1g} of the weights, where {usual:.1g} is usual"
    factor = wanted if ratio is None else max(3.0, _LAG * wanted)
    return raise_learning_rate(history, factor=factor, because=because)


def update_ratio_of(history: RunHistory) -> float | None:
    """Return the median update to weight ratio of the run; `None` where it is not known."""
    updates = history.get(Role.UPDATE_RATIO)
    values = updates.finite().values if updates is not None else ()
    return float(np.median(values)) if len(values) else None


def room_above(history: RunHistory) -> float:
    """Return by what to raise a rate that may be too low: 3, or more where updates are short."""
    ratio = update_ratio_of(history)
    wanted = _LAG * usual_ratio(history) / ratio if ratio else 0.0
    return min(max(3.0, wanted), _MOST_ROOM)


def usual_ratio(history: RunHistory) -> float:
    """Return which part of the weights a step may change in a run of this length.

    A thousandth is the rule of thumb (Karpathy, CS231n). Over a short run that adds up to less
    than the weights have to move: there it is more, up to eight thousandths.
    """
    steps = history.hyperparameters.planned_steps or history.last_step
    return min(_MOST_RATIO, max(_HEALTHY_RATIO, _WAY / max(steps, 1.0)))


def ordinary_rate(history: RunHistory) -> float:
    """Return the learning rate to begin with where the run tells nothing of a better one."""
    known = history.hyperparameters
    if (known.optimizer or "").lower() not in {"sgd", "asgd"}:
        return _ORDINARY_RATE
    return rounded(_ORDINARY_RATE_OF_SGD * (1.0 - min(known.momentum or 0.0, 0.9)) ** 0.5)


def start_anew(history: RunHistory, *, factor: float = 1.0) -> Prescription:
    """Set the learning rate to what is ordinary for the optimizer, times a `factor`."""
    current = learning_rate_of(history)
    new = rounded(ordinary_rate(history) * factor)
    return Prescription(
        parameter="learning_rate",
        current=setting(current),
        suggested=number(new),
        action=f"Set the learning rate to {number(new)}.",
        rationale="No weight moved at the present rate, although gradients arrived: "
        f"{number(new)} is where {history.hyperparameters.optimizer or 'an optimizer'} begins.",
        tradeoff="Too far up, the loss overshoots: watch the first hundred steps.",
        verify=_VERIFY,
        changes=(Change("learning_rate", new),),
        snippet=f'for group in optimizer.param_groups:\n    group["lr"] = {new!r}',
    )


def less_momentum(history: RunHistory, suggested: float) -> Prescription:
    """Let a step depend on fewer of the gradients before it."""
    current = history.hyperparameters.momentum
    return Prescription(
        parameter="momentum",
        current=setting(current),
        suggested=number(suggested),
        action=f"Lower the momentum to {number(suggested)}.",
        rationale="A step is as long as the sum of about 1 / (1 - momentum) gradients: close to "
        "1 that is the same as a learning rate many times as high.",
        tradeoff="Along flat, narrow valleys it takes more steps.",
        verify=_VERIFY,
        changes=(Change("momentum", suggested),),
        snippet=f'for group in optimizer.param_groups:\n    group["momentum"] = {suggested!r}',
    )


def _set_learning_rate(  # noqa: PLR0913 - the parts of a prescription, by keyword
    history: RunHistory, factor: float, *, verb: str, because: str, tradeoff: str, verify: str
) -> Prescription:
    current = learning_rate_of(history)
    new = rounded(current * factor) if current is not None else math.inf
    origin = f" from {number(current)}" if current is not None else ""
    is_split = has_several_rates(history)
    if is_split or not math.isfinite(new):
        suggested = f"{number(factor)} times the present value"
        suggested += ", in every group" if is_split else ""
        change = f'group["lr"] *= {number(factor)}'
        applied = Change("learning_rate", factor, "multiply")
        origin = ""
    else:
        verb = verb if new > 0.0 else "Set"
        new = new or ordinary_rate(history)
        suggested = number(new)
        change = f'group["lr"] = {new!r}'
        applied = Change("learning_rate", new)
    return Prescription(
        parameter="learning_rate",
        current=setting(current),
        suggested=suggested,
        action=f"{verb} the learning rate{origin} to {suggested}.",
        rationale=f"{because[0].upper()}{because[1:]}.",
        tradeoff=tradeoff,
        verify=verify,
        changes=(applied,),
        snippet=f"for group in optimizer.param_groups:\n    {change}",
    )
