"""Limits on the gradient's norm."""

from __future__ import annotations

from tuneguard.findings import Change, Prescription
from tuneguard.history import RunHistory
from tuneguard.prescriptions.wording import number, rounded, setting


def clip_gradients(history: RunHistory, healthy_norm: float) -> Prescription:
    """Clip at the 90th percentile of the run's own healthy gradient norms.

    Args:
        history: The run.
        healthy_norm: That percentile, in the unit of the recorded norm.
    """
    limit = rounded(healthy_norm)
    current = history.hyperparameters.clip_norm
    return Prescription(
        parameter="clip_norm",
        current=setting(current) or "no clipping seen",
        suggested=number(limit),
        action=f"Clip the gradient norm at {number(limit)} before each optimizer step.",
        rationale=(
            f"{number(limit)} is the 90th percentile of this run's own gradient norms outside "
            "of the bursts: ordinary steps are left as they are, bursts lose their length but "
            "keep their direction."
        ),
        tradeoff="About one ordinary step in ten becomes a little shorter.",
        changes=(Change("clip_norm", limit),),
        verify=(
            "The loss no longer jumps where gradient_norm/global does. If more than half of the "
            "steps are clipped, lower the learning rate instead."
        ),
        snippet=(
            "import torch\n\n"
            "# after loss.backward() and guard.on_after_backward(loss), before optimizer.step()\n"
            f"torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm={limit!r})"
        ),
    )


def raise_clip_norm(history: RunHistory, usual_norm: float) -> Prescription:
    """Clip bursts only: at the 90th percentile of the run's own gradient norms.

    Args:
        history: The run.
        usual_norm: That percentile of the norms before clipping.
    """
    limit = rounded(usual_norm)
    current = history.hyperparameters.clip_norm
    return Prescription(
        parameter="clip_norm",
        current=setting(current) or "far below the usual norm",
        suggested=number(limit),
        action=f"Raise the limit on the gradient norm to {number(limit)}.",
        rationale=f"{number(limit)} is the 90th percentile of this run's own gradient norms "
        "before clipping: ordinary steps are left as they are.",
        tradeoff="Steps become longer all at once: if the loss swings, lower the learning rate.",
        changes=(Change("clip_norm", limit),),
        verify="gradient_clipping/factor is 1 at most steps, and the training loss falls.",
        snippet=(
            "import torch\n\n"
            "# after loss.backward() and guard.on_after_backward(loss), before optimizer.step()\n"
            f"torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm={limit!r})"
        ),
    )
