"""More regularisation, or less."""

from __future__ import annotations

from tuneguard.findings import Change, Prescription
from tuneguard.history import RunHistory
from tuneguard.prescriptions.wording import learning_rate_of, number, rounded, setting

_GAP = "The gap between training and validation loss is what overfitting consists of."

_MIXUP = '''import torch


def mixed_loss(model, criterion, inputs, targets, alpha=0.2):
    """Take the place of criterion(model(inputs), targets) in training (Zhang et al. 2018)."""
    share = torch.distributions.Beta(alpha, alpha).sample().item()
    other = torch.randperm(len(inputs))
    outputs = model(share * inputs + (1.0 - share) * inputs[other])
    own, others = criterion(outputs, targets), criterion(outputs, targets[other])
    return share * own + (1.0 - share) * others'''

MAX_WEIGHT_DECAY = 0.3
MAX_DROPOUT = 0.5


def more_weight_decay(history: RunHistory) -> Prescription:
    """Shrink the weights a little at every step; decoupled, so that it means the same for Adam."""
    current = history.hyperparameters.weight_decay
    suggested = min(MAX_WEIGHT_DECAY, rounded(max(0.05, 5.0 * (current or 0.0))))
    rate = learning_rate_of(history)
    lr = f"{rounded(rate)!r}" if rate is not None else 'optimizer.param_groups[0]["lr"]'
    is_adam = (history.hyperparameters.optimizer or "Adam").lower().startswith("adam")
    if is_adam:
        snippet = (
            "import torch\n\n"
            "optimizer = torch.optim.AdamW(\n"
            f"    model.parameters(), lr={lr}, weight_decay={suggested!r}\n"
            ")"
        )
    else:
        suggested = min(MAX_WEIGHT_DECAY, rounded(max(5e-4, 5.0 * (current or 0.0))))
        snippet = (
            f'for group in optimizer.param_groups:\n    group["weight_decay"] = {suggested!r}'
        )
    return Prescription(
        parameter="weight_decay",
        current=setting(current),
        suggested=number(suggested),
        action=f"Set weight decay to {number(suggested)}{', with AdamW' if is_adam else ''}.",
        rationale=f"{_GAP} Weight decay narrows it; decoupled, it acts alike on all weights.",
        tradeoff="The training loss ends higher.",
        changes=(
            Change("weight_decay", suggested),
            *((Change("optimizer", "adamw"),) if is_adam else ()),
        ),
        verify="The validation loss rises later or not at all, and its best is no worse.",
        snippet=snippet,
    )


def more_dropout(history: RunHistory) -> Prescription:
    """Drop units at random while training."""
    current = history.hyperparameters.dropout
    suggested = min(MAX_DROPOUT, rounded((current or 0.0) + 0.2))
    return Prescription(
        parameter="dropout",
        current=setting(current) or "none seen",
        suggested=number(suggested),
        action=f"Put dropout of {number(suggested)} after the hidden activations.",
        rationale=f"{_GAP} Dropout keeps units from relying on one another.",
        tradeoff="Training takes longer to converge, and its loss ends higher.",
        changes=(Change("dropout", suggested),),
        verify="The validation loss rises later or not at all.",
        snippet=(
            "import torch\n\n"
            f"dropout = torch.nn.Dropout(p={suggested!r})  # use it after each hidden activation"
        ),
    )


def label_smoothing() -> Prescription:
    """Ask for less than full certainty."""
    return Prescription(
        parameter="label_smoothing",
        current=None,
        suggested="0.1",
        action="Smooth the labels by 0.1.",
        rationale="The model is ever surer of labels that it has memorised.",
        tradeoff="Losses are no longer comparable with those of earlier runs.",
        changes=(Change("label_smoothing", 0.1),),
        verify="The validation accuracy is no worse, and the validation loss stops climbing.",
        snippet="import torch\n\ncriterion = torch.nn.CrossEntropyLoss(label_smoothing=0.1)",
    )


def mix_samples() -> Prescription:
    """Train on mixtures of two samples and of their labels."""
    return Prescription(
        parameter="augmentation",
        current=None,
        suggested="mixup, alpha 0.2",
        action="Train on random mixtures of two samples, their losses mixed likewise (mixup); or "
        "augment as the data allow: shifts and flips of images, masked tokens.",
        rationale=f"{_GAP} Of mixtures there are ever new ones, which cannot be learned by heart.",
        tradeoff="The training loss ends higher and no longer compares with validation's; "
        "inputs must be numbers, not tokens.",
        changes=(Change("augmentation", "mixup"),),
        verify="The validation loss rises later or not at all, and its best is no worse.",
        snippet=_MIXUP,
    )


def less_weight_decay(history: RunHistory, suggested: float) -> Prescription:
    """Let the weights grow as far as the data asks for."""
    return Prescription(
        parameter="weight_decay",
        current=setting(history.hyperparameters.weight_decay),
        suggested=number(suggested),
        action=f"Lower weight decay to {number(suggested)}.",
        rationale="At its present value it shrinks the weights faster than the data grows them.",
        tradeoff="Less protection against overfitting: watch the gap to validation.",
        changes=(Change("weight_decay", suggested),),
        verify="The training loss falls well below its present level.",
        snippet=f'for group in optimizer.param_groups:\n    group["weight_decay"] = {suggested!r}',
    )


def less_dropout(history: RunHistory, suggested: float) -> Prescription:
    """Let more units take part."""
    return Prescription(
        parameter="dropout",
        current=setting(history.hyperparameters.dropout),
        suggested=number(suggested),
        action=f"Lower dropout to {number(suggested)}.",
        rationale="So much noise leaves too little of the signal to fit the training data.",
        tradeoff="Less protection against overfitting: watch the gap to validation.",
        changes=(Change("dropout", suggested),),
        verify="The training loss falls well below its present level.",
        snippet=(
            "import torch\n\n"
            "for module in model.modules():\n"
            "    if isinstance(module, torch.nn.Dropout):\n"
            f"        module.p = {suggested!r}"
        ),
    )
