"""The settings of a run, from the names that people and frameworks give them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tuneguard import keys
from tuneguard.history.roles import normalise

_ALIASES: dict[str, tuple[str, ...]] = {
    "learning_rate": (
        "learning_rate",
        "lr",
        "base_lr",
        "initial_lr",
        "lr0",
        "optimizer_learning_rate",
    ),
    "weight_decay": ("weight_decay", "wd", "l2", "optimizer_weight_decay"),
    "momentum": ("momentum", "sgd_momentum", "optimizer_momentum"),
    "batch_size": ("batch_size", "train_batch_size", "per_device_train_batch_size", "batch", "bs"),
    "epochs": ("epochs", "num_epochs", "num_train_epochs", "max_epochs", "n_epochs"),
    "dropout": ("dropout", "dropout_rate", "dropout_p", "p_dropout"),
    "clip_norm": (
        "max_grad_norm",
        "clip_norm",
        "grad_clip",
        "gradient_clip_val",
        "clip_grad_norm",
    ),
    "num_classes": ("num_classes", "n_classes", "num_labels"),
    "planned_steps": ("planned_steps", "max_steps", "total_steps", "num_training_steps"),
    "output_units": ("output_units",),
    "parameter_count": ("parameter_count", "num_parameters", "n_params"),
    "train_samples": ("train_samples", "num_train_samples"),
    "warmup_steps": ("warmup_steps", "num_warmup_steps"),
}
_TEXT_ALIASES: dict[str, tuple[str, ...]] = {
    "optimizer": ("optimizer", "optimizer_name", "optim", "opt", "optimizer_class"),
    "task": ("task",),
    "activations": ("activations", "activation"),
    "loss_graph": ("loss_graph",),
}


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """What a run says of its settings; `None` where it says nothing.

    Attributes:
        names: For each field that is known, the name under which the run has it.
    """

    learning_rate: float | None = None
    weight_decay: float | None = None
    momentum: float | None = None
    batch_size: float | None = None
    epochs: float | None = None
    dropout: float | None = None
    clip_norm: float | None = None
    num_classes: float | None = None
    planned_steps: float | None = None
    output_units: float | None = None
    parameter_count: float | None = None
    train_samples: float | None = None
    warmup_steps: float | None = None
    optimizer: str | None = None
    task: str | None = None
    activations: str | None = None
    loss_graph: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_params(cls, params: Mapping[str, object]) -> Hyperparameters:
        """Read the settings out of a run's params, whose values may be text.

        >>> Hyperparameters.from_params({"lr": "0.1", "tuneguard/optimizer": "SGD"}).optimizer
        'SGD'
        """
        by_name: dict[str, str] = {}
        # a setting that the user named comes before the same one found out by the recorder
        for key in sorted(params, key=lambda name: name.startswith(keys.PREFIX)):
            by_name.setdefault(normalise(key.removeprefix(keys.PREFIX)), key)
        fields: dict[str, Any] = {}
        names: dict[str, str] = {}
        for target, aliases in (_ALIASES | _TEXT_ALIASES).items():
            for key in (by_name[alias] for alias in aliases if alias in by_name):
                value = _read(target, str(params[key]))
                if value is not None and target not in fields:
                    fields[target] = value
                    names[target] = key
        return cls(**fields, names=names)


def _read(target: str, text: str) -> str | float | None:
    if target in _TEXT_ALIASES:
        return text
    try:
        number = float(text)
    except ValueError:
        return None
    # Hugging Face writes -1 for "not set"
    return number if math.isfinite(number) and number >= 0 else None


def aliases_of(setting: str) -> tuple[str, ...]:
    """Return the names that people give a setting, in the form of `normalise`.

    >>> aliases_of("dropout")
    ('dropout', 'dropout_rate', 'dropout_p', 'p_dropout')
    """
    return (_ALIASES | _TEXT_ALIASES).get(setting, (setting,))
