"""Other ways to make a step of a gradient."""

from __future__ import annotations

from collections.abc import Sequence

from tuneguard.findings import Change, Prescription
from tuneguard.history import RunHistory
from tuneguard.prescriptions.wording import learning_rate_of, number, rounded, setting

_ADAPTIVE = ("adam", "rmsprop", "adagrad")
_ORDINARY = 1e-3  # of optimizers that scale each step by its gradients


def layer_wise_rates(history: RunHistory, layers: Sequence[str], factor: float) -> Prescription:
    """Let each layer move by a like share of its weights.

    Args:
        history: The run.
        layers: Names of the layers that move too little or too much; untrusted text.
        factor: By what their updates would have to be multiplied.
    """
    optimizer = history.hyperparameters.optimizer
    adaptive = "AdamW" if optimizer is None or optimizer.lower() == "sgd" else "AdamW, betas 0.9"
    return Prescription(
        parameter="optimizer",
        current=optimizer,
        suggested=adaptive,
        action="Let the optimizer scale each layer's step by its own gradients, as AdamW does.",
        rationale=f"To move like the others, {layers[0]} would need {number(rounded(factor))} "
        "times its updates.",
        tradeoff="The learning rate must be found anew; 0.001 is where to begin.",
        changes=(Change("optimizer", "adamw"), Change("learning_rate", 0.001)),
        verify="update_ratio of all layers lies within a factor of 100.",
        snippet=(
            "import torch\n\n"
            "optimizer = torch.optim.AdamW(model.parameters(), lr=0.001, betas=(0.9, 0.999))"
        ),
    )


def step_without_momentum(history: RunHistory) -> Prescription:
    """Scale each step by its own gradients, and let no step depend on those before it."""
    optimizer, present = history.hyperparameters.optimizer, learning_rate_of(history)
    is_alike = (optimizer or "").lower().startswith(_ADAPTIVE) and present
    rate = rounded(present) if is_alike and present else _ORDINARY
    return Prescription(
        parameter="optimizer",
        current=optimizer,
        suggested=f"RMSprop, learning rate {number(rate)}",
        action=f"Train with RMSprop at a learning rate of {number(rate)}.",
        rationale="Momentum carries a step on past the lowest point along its way; RMSprop "
        "divides by the size of the gradients alone, and turns with the next one.",
        tradeoff="Along flat, narrow valleys it takes more steps than Adam.",
        changes=(Change("optimizer", "rmsprop"), Change("learning_rate", rate)),
        verify="gradient/cosine_to_update comes closer to 0, and the swings of the loss shrink.",
        snippet=(
            "import torch\n\n"
            f"optimizer = torch.optim.RMSprop(model.parameters(), lr={rate!r}, alpha=0.99)"
        ),
    )


def more_momentum(history: RunHistory, suggested: float) -> Prescription:
    """Let steps in one direction add up."""
    return Prescription(
        parameter="momentum",
        current=setting(history.hyperparameters.momentum) or "none seen",
        suggested=number(suggested),
        action=f"Raise the momentum to {number(suggested)}.",
        rationale="Where one gradient points as the one before did, their steps add up to "
        f"{number(1.0 / (1.0 - suggested))} times the length; where they disagree they cancel.",
        tradeoff="Too much of it is a learning rate that is too high.",
        changes=(Change("momentum", suggested),),
        verify="The training loss falls faster, and does not swing.",
        snippet=f'for group in optimizer.param_groups:\n    group["momentum"] = {suggested!r}',
    )
