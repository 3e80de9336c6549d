"""How the learning rate runs over the course of a training."""

from __future__ import annotations

from tuneguard.findings import Change, Prescription
from tuneguard.history import Axis, RunHistory, Series
from tuneguard.prescriptions.wording import number, setting


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
    """Keep the schedule, but never let it pass the `highest` rate that the run stood."""
    return Prescription(
        parameter="schedule",
        current=f"up to {number(leapt_to)}",
        suggested=f"at most {number(highest)}",
        action=f"Keep the learning rate at or below {number(highest)} throughout.",
        rationale="The run learned at that rate, and lost it where the rate leapt above.",
        tradeoff="A leap that was meant needs a rise over some hundred steps instead.",
        changes=(Change("highest_learning_rate", highest),),
        verify="The loss goes on falling past the step at which the learning rate leapt.",
        snippet=(
            "for group in optimizer.param_groups:  # after each scheduler.step()\n"
            f'    group["lr"] = min(group["lr"], {highest!r})'
        ),
    )


def settle_from(highest: float, steps: int, schedule: str = "cosine") -> Prescription:
    """Begin at a rate that the run stood, on another schedule.

    Args:
        highest: The rate.
        steps: How long the run is.
        schedule: `cosine` down to nothing, or `constant`.
    """
    is_constant = schedule == "constant"
    way = "and keep it" if is_constant else f"decayed along a cosine over {steps} steps"
    decay = (
        ""
        if is_constant
        else "\nscheduler = torch.optim.lr_scheduler.CosineAnnealingLR("
        f"optimizer, T_max={max(steps, 1)})"
    )
    return Prescription(
        parameter="learning_rate",
        current=None,
        suggested=f"{number(highest)}, {schedule}",
        action=f"Train at a learning rate of {number(highest)}, {way}.",
        rationale="The run learned at that rate; a schedule of its own takes the place of the one "
        "that left it.",
        tradeoff="What the former schedule was meant for is lost.",
        changes=(Change("learning_rate", highest), Change("schedule", schedule)),
        verify="The loss goes on falling past the step at which it was lost before.",
        snippet=(
            "import torch\n\n"
            "for group in optimizer.param_groups:\n"
            f'    group["lr"] = {highest!r}{decay}'
        ),
    )


def inverse_square_root(since: int) -> Prescription:
    """Let the learning rate fall with the root of the step, from where progress ended.

    With steps that fall so, stochastic gradients converge where steps of one length do not
    (Robbins and Monro 1951); as a schedule of transformers: Vaswani et al. (2017).

    Args:
        since: The step at which progress ended, and from which on the rate falls.
    """
    step = max(since, 1)
    return Prescription(
        parameter="schedule",
        current=None,
        suggested=f"inverse square root from step {step}",
        action=f"Let the learning rate fall with the square root of the step from step {step} on.",
        rationale=f"Progress ended near step {step}: from there on the noise of the steps undoes "
        "as much as they gain, and less of it is left with shorter ones.",
        tradeoff="It never ends: unlike a cosine it does not settle fully, and needs no length.",
        changes=(Change("schedule", f"inverse_square_root from {step}"),),
        verify=f"The loss goes on falling after step {step}.",
        snippet=(
            "import torch\n\n"
            "scheduler = torch.optim.lr_scheduler.LambdaLR(\n"
            f"    optimizer, lambda step: ({step} / max(step, {step})) ** 0.5\n"
            ")  # call scheduler.step() after each optimizer.step()"
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
