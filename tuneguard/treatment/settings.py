"""What a prescription changes, in the dictionary that a training function takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tuneguard.exceptions import TuneGuardError
from tuneguard.findings import Change, Prescription
from tuneguard.history.hyperparameters import Hyperparameters, aliases_of
from tuneguard.history.roles import normalise

SETTINGS: Final[dict[str, str]] = {
    "activation": "`relu` or `leaky_relu`: of the hidden units",
    "augmentation": "`mixup`: of training samples and their labels",
    "batch_size": "samples in a batch",
    "clip_norm": "limit of the gradient's norm, applied before each step",
    "detached": "false: nothing between the inputs and the loss is detached",
    "dropout": "share of the hidden units that are dropped in training",
    "epochs": "how many epochs to train",
    "frozen": "false: every layer is trained",
    "hidden_layers": "how many hidden layers there are",
    "hidden_width": "units in a hidden layer",
    "highest_learning_rate": "bound that the schedule never passes",
    "initialisation": "`kaiming`, `xavier` or `lecun`, with biases of 0; `unit_variance`: what is "
    "there, scaled",
    "input_scale": "`standardised`: inputs with mean 0 and deviation 1",
    "label_smoothing": "share of the target spread over all classes",
    "last_layer_gain": "factor on the initial weights of the last layer",
    "learning_rate": "of the optimizer",
    "loss_function": "`from_logits`: the loss takes what the last layer returns",
    "momentum": "of the optimizer",
    "normalisation": "`layer`: what normalises the hidden layers",
    "optimizer": "`adamw` or `rmsprop`, in whatever case",
    "output_activation": "`none`: nothing between the last layer and the loss",
    "patience": "validations without a better one, after which training stops at its best",
    "precision": "`bfloat16`: the format of mixed precision, without a loss scale",
    "residual": "true: a path around each hidden layer",
    "schedule": "`constant`, `cosine` over the whole run, `reduce_on_plateau`, or "
    "`inverse_square_root from N`: from step N on",
    "steps": "how many optimizer steps to train",
    "target_scale": "`standardised`: targets of a regression with mean 0 and deviation 1",
    "trained_parameters": "`all`: the optimizer is given every parameter",
    "warmup_steps": "optimizer steps over which the learning rate rises to its value",
    "weight_decay": "of the optimizer",
    "zero_grad": "true: gradients are cleared before every step",
}
"""The settings that a prescription may change, and what their values mean."""

_COUNTS: Final = {
    "batch_size",
    "epochs",
    "hidden_layers",
    "hidden_width",
    "patience",
    "steps",
    "warmup_steps",
}
_OTHER_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "activation": ("activation", "activations"),
    "hidden_layers": ("hidden_layers", "depth", "num_layers", "n_layers", "layers"),
    "hidden_width": ("hidden_width", "width", "hidden_size", "hidden_dim", "hidden_units"),
    "initialisation": ("initialisation", "initialization", "init"),
    "label_smoothing": ("label_smoothing", "smoothing"),
    "normalisation": ("normalisation", "normalization", "norm"),
    "patience": ("patience", "early_stopping_patience"),
    "schedule": ("schedule", "scheduler", "lr_schedule", "lr_scheduler"),
    "steps": ("steps", "num_steps", "max_steps", "total_steps", "num_training_steps"),
}


class Settings:
    """The parameters of a training function, and which of them is which setting.

    Args:
        params: What the function takes first.
        names: Setting to the parameter that holds it, where the parameter's name does not tell.

    Raises:
        TuneGuardError: `names` holds an unknown setting, or a parameter that is not there.
    """

    def __init__(self, params: Mapping[str, Any], names: Mapping[str, str] | None = None) -> None:
        self._keys = keys_by_setting(params)
        for setting, key in (names or {}).items():
            if setting not in SETTINGS:
                raise TuneGuardError(
                    f"There is no setting {setting!r}. There are: {', '.join(SETTINGS)}."
                )
            if key not in params:
                raise TuneGuardError(
                    f"{setting} is said to be {key!r}, which is not among the parameters: "
                    f"{', '.join(params) or 'there are none'}."
                )
            self._keys[setting] = key

    @property
    def known(self) -> tuple[str, ...]:
        """The settings that the parameters hold, and so those that can be treated."""
        return tuple(sorted(self._keys))

    def treated(
        self,
        params: Mapping[str, Any],
        prescription: Prescription,
        recorded: Hyperparameters | None = None,
    ) -> dict[str, Any] | None:
        """Apply a prescription.

        Args:
            params: The parameters as they are.
            prescription: What to change, all of it together.
            recorded: What the run says of its settings: a change that it already meets need not
                be expressible.

        Returns:
            New parameters, or `None` where they cannot express it, or it changes nothing.
        """
        new = dict(params)
        for change in prescription.changes:
            key = self._keys.get(change.parameter)
            if key is not None:
                value = _changed(params[key], change)
                if value is None:
                    return None
                new[key] = value
            elif not _is_met(change, recorded):
                return None
        return None if new == dict(params) else new


def keys_by_setting(params: Mapping[str, Any]) -> dict[str, str]:
    """Return which parameter holds which setting, by their names.

    >>> keys_by_setting({"lr": 0.1, "hidden-size": 64, "note": "first"})
    {'hidden_width': 'hidden-size', 'learning_rate': 'lr'}
    """
    named = {normalise(key): key for key in params}
    found = {}
    for setting in SETTINGS:
        names = (setting, *_OTHER_NAMES.get(setting, ()), *aliases_of(setting))
        key = next((named[name] for name in names if name in named), None)
        if key is not None:
            found[setting] = key
    return found


def _changed(present: Any, change: Change) -> Any:
    """Return the new value, or `None` where the present one is no number to start from."""
    if change.operation == "set":
        value = change.value
    elif isinstance(present, bool) or not isinstance(present, int | float):
        return None
    elif change.operation == "multiply":
        value = _plain(present * float(change.value))
    else:
        value = _plain(present + float(change.value))
    if change.parameter in _COUNTS:
        return max(1, round(float(value)))
    return value


def _plain(value: float) -> float:
    """Return 0.01 for 0.1 times 0.1, which is 0.010000000000000002."""
    return float(f"{value:.6g}")


def _is_met(change: Change, recorded: Hyperparameters | None) -> bool:
    present = getattr(recorded, change.parameter, None)
    return isinstance(present, str) and present.lower() == change.value
