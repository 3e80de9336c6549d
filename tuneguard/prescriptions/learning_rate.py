"""Changes of the learning rate and of its schedule."""

from __future__ import annotations

import math

from tuneguard.findings import Change, Prescription
from tuneguard.history import Axis, RunHistory, Series
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
_FURTHEST = 1000.0
_ORDINARY_RATE = 1e-3  # of Adam and its like; where the present one is 0, no multiple helps
_ORDINARY_RATE_OF_SGD = 0.1  # over one less momentum: a step is that many gradients long
_VERIFY = (
    "The training loss falls from the first steps on, and update_ratio/global stays between "
    "1e-4 and 1e-2."
)


def lower_learning_rate(history: RunHistory, *, factor: float, because: str) -> Prescription:
    """Multiply the learning rate of the run by `factor`, below 1."""
    return _set_learning_rate(
        history,
        factor,
        verb="Lower",
        because=because,
        tradeoff="Each step moves less: the run may need more of them.",
        verify=_VERIFY,
    )


def raise_learning_rate(history: RunHistory, *, factor: float, because: str) -> Prescription:
    """Multiply the learning rate of the run by `factor`, above 1."""
    return _set_learning_rate(
        history,
        factor,
        verb="Raise",
        because=because,
        tradeoff="Too far up, the loss overshoots: watch the first hundred steps.",
        verify=_VERIFY,
    )


def longer_steps(history: RunHistory, ratio: float | None) -> Prescription:
    """Raise the learning rate until updates are as long, for the weights, as is usual.

    That is about a thousandth of them where there is time, and up to eight in short runs. The
    factor is at least 3, and 10 where no `ratio` is known.

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
    return raise_learning_rate(history, factor=max(3.0, wanted), because=because)


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


def warm_up(history: RunHistory, steps: int) -> Prescription:
    """Reach the learning rate linearly over the first `steps` steps."""
    planned = setting(history.hyperparameters.warmup_steps)
    return Prescription(
        parameter="warmup_steps",
        current=planned,
        suggested=str(steps),
        action=f"Warm the learning rate up linearly over the first {steps} steps.",
        rationale="The damage was done in the first steps, when gradients are largest.",
        tradeoff=f"The first {steps} steps learn less.",
        changes=(Change("warmup_steps", float(steps)),),
        verify="The training loss does not rise above its first value.",
        snippet=(
            "import torch\n\n"
            "scheduler = torch.optim.lr_scheduler.LinearLR(\n"
            f"    optimizer, start_factor=0.01, total_iters={steps}\n"
            ")  # call scheduler.step() after each optimizer.step()"
        ),
    )


def decay_to_zero(steps: int, unit: str = "step") -> Prescription:
    """Let the learning rate follow half a cosine down to nearly nothing."""
    return Prescription(
        parameter="schedule",
        current=None,
        suggested=f"cosine over {steps} {unit}s",
        action=f"Let the learning rate decay along a cosine over the {steps} {unit}s.",
        rationale="Swings shrink with the learning rate: a decay lets the run settle.",
        tradeoff="The length of the run must be fixed beforehand.",
        changes=(Change("schedule", "cosine"),),
        verify="The swings of the loss shrink towards the end of the run.",
        snippet=(
            "import torch\n\n"
            f"scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max={steps})\n"
            f"# call scheduler.step() after each {'optimizer.step()' if unit == 'step' else unit}"
        ),
    )


def decay_over_run(history: RunHistory, series: Series) -> Prescription:
    """Prescribe a decay over the length of the run, in steps where they are known.

    Args:
        history: The run.
        series: What tells the length where no series counts steps.
    """
    planned = history.hyperparameters.planned_steps
    if planned is not None and planned >= 1.0:
        return decay_to_zero(int(planned))
    on_steps = [one for one in history.series.values() if one.axis is Axis.STEP and len(one)]
    if on_steps:
        return decay_to_zero(int(max(one.steps[-1] for one in on_steps)) + 1)
    return decay_to_zero(max(1, int(series.steps[-1])), series.axis.value)


def keep_below(highest: float, leapt_to: float) -> Prescription:
    """Hold the learning rate at the `highest` that the run stood, not where it leapt to."""
    return Prescription(
        parameter="schedule",
        current=f"up to {number(leapt_to)}",
        suggested=f"at most {number(highest)}",
        action=f"Keep the learning rate at or below {number(highest)} throughout.",
        rationale="The run learned at that rate, and lost it where the rate leapt above.",
        tradeoff="A leap that was meant needs a rise over some hundred steps instead.",
        changes=(Change("learning_rate", highest), Change("schedule", "constant")),
        verify="The loss goes on falling past the step at which the learning rate leapt.",
        snippet=(
            "for group in optimizer.param_groups:  # after each scheduler.step()\n"
            f'    group["lr"] = min(group["lr"], {highest!r})'
        ),
    )


def reduce_on_plateau(patience: int) -> Prescription:
    """Cut the learning rate whenever the validation loss stops falling."""
    return Prescription(
        parameter="schedule",
        current=None,
        suggested=f"ReduceLROnPlateau, factor 0.3, patience {patience}",
        action="Cut the learning rate to 0.3 of itself whenever validation stops improving.",
        rationale="The run stopped improving at a constant learning rate.",
        tradeoff="It waits for the patience to run out before each cut.",
        changes=(Change("schedule", "reduce_on_plateau"),),
        verify="The validation loss falls again after a cut.",
        snippet=(
            "import torch\n\n"
            "scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(\n"
            f"    optimizer, factor=0.3, patience={patience}\n"
            ")  # call scheduler.step(validation_loss) after each validation"
        ),
    )
