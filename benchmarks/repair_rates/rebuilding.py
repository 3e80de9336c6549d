"""What is prescribed, done to a training: what a person would do to its code, and no more.

A change is applied on top of the faulty setup, which is known as a person knows the program: its
optimizer, its schedule, its layers. That a fault was planted, and which, is not known here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import nn

from benchmarks.error_rates.faults.output import Ending
from benchmarks.error_rates.layers import last_layer
from benchmarks.error_rates.setup import Setup, all_parameters, untouched
from benchmarks.repair_rates import rates, samples, weights
from tuneguard.findings import Change

Way = Callable[[Setup, Change], Setup | None]

_OF_SGD = {"momentum", "nesterov", "dampening"}
_ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": partial(nn.LeakyReLU, 0.01),
    "selu": nn.SELU,
    "tanh": nn.Tanh,
}
_OPTIMIZERS: Mapping[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
}
_INITIALISATIONS: Mapping[str, Callable[[nn.Module], None]] = {
    "kaiming": weights.kaiming,
    "lecun": weights.lecun,
    "unit_variance": weights.unit_variance,
    "xavier": weights.xavier,
}


def rebuilt(setup: Setup, changes: Iterable[Change]) -> Setup | None:
    """Return a setup with all changes made, or `None` where one of them cannot be.

    A path is put around layers once they are what they are to be.
    """
    changed: Setup | None = setup
    for change in sorted(changes, key=lambda one: one.parameter == "residual"):
        if changed is None:
            return None
        way = _WAYS.get(change.parameter)
        changed = way(changed, change) if way is not None else None
    return changed


def _number(present: float, change: Change) -> float:
    value = float(change.value)
    return {"set": value, "multiply": present * value, "add": present + value}[change.operation]


def _learning_rate(setup: Setup, change: Change) -> Setup:
    present = setup.optimizer.keywords["lr"]
    return replace(setup, optimizer=partial(setup.optimizer, lr=_number(present, change)))


def _weight_decay(setup: Setup, change: Change) -> Setup:
    present = setup.optimizer.keywords.get("weight_decay", 0.0)
    return replace(
        setup, optimizer=partial(setup.optimizer, weight_decay=_number(present, change))
    )


def _momentum(setup: Setup, change: Change) -> Setup | None:
    """Change the momentum of an optimizer that has one."""
    if "momentum" not in setup.optimizer.keywords:
        return None
    return replace(setup, optimizer=partial(setup.optimizer, momentum=float(change.value)))


def _optimizer(setup: Setup, change: Change) -> Setup | None:
    builder = _OPTIMIZERS.get(str(change.value))
    if builder is None:
        return None
    known = inspect.signature(builder).parameters
    kept = {
        name: one
        for name, one in setup.optimizer.keywords.items()
        if name in known and name not in _OF_SGD
    }
    return replace(setup, optimizer=partial(builder, **kept))


def _batch_size(setup: Setup, change: Change) -> Setup:
    return replace(setup, batch_size=max(1, round(_number(setup.batch_size, change))))


def _steps(setup: Setup, change: Change) -> Setup:
    """Train longer, or less long; a schedule is as long as the run, as a schedule ought to be."""
    steps = max(setup.validations, round(_number(setup.steps, change)))
    return replace(setup, steps=steps, planned_steps=None)


def _clip_norm(setup: Setup, change: Change) -> Setup:
    return replace(setup, clip_norm=float(change.value))


def _label_smoothing(setup: Setup, change: Change) -> Setup | None:
    if setup.task != "classification":
        return None
    smoothed = partial(nn.functional.cross_entropy, label_smoothing=float(change.value))
    return replace(setup, criterion=smoothed)


def _of_model(keyword: str, whole: bool = False) -> Way:
    """Return a way that gives the model another number of something."""

    def way(setup: Setup, change: Change) -> Setup | None:
        present = _keyword_of(setup.model, keyword)
        if present is None:
            return None
        value = _number(present, change)
        return replace(
            setup, model=partial(setup.model, **{keyword: round(value) if whole else value})
        )

    return way


def _hidden_layers(setup: Setup, change: Change) -> Setup:
    """Add a layer where the network is a stack of them, else leave its depth."""
    return _of_model("depth", whole=True)(setup, change) or setup


def _activation(setup: Setup, change: Change) -> Setup | None:
    activation = _ACTIVATIONS.get(str(change.value))
    if activation is None or not _takes(setup.model, "activation"):
        return None
    return replace(setup, model=partial(setup.model, activation=activation))


def _normalisation(setup: Setup, change: Change) -> Setup | None:
    """Normalise each hidden layer, by the sample or by the batch."""
    if not _takes(setup.model, "norm"):
        return None
    is_image = "Convolutions" in repr(setup.model)
    norms: Mapping[tuple[object, bool], Callable[[int], nn.Module]] = {
        ("layer", False): nn.LayerNorm,
        ("layer", True): partial(nn.GroupNorm, 1),
        ("batch", False): nn.BatchNorm1d,
        ("batch", True): nn.BatchNorm2d,
    }
    norm = norms.get((change.value, is_image))
    return None if norm is None else replace(setup, model=partial(setup.model, norm=norm))


def _residual(setup: Setup, _: Change) -> Setup:
    return replace(setup, model=lambda: weights.with_paths_around(setup.model()))


def _prepared(setup: Setup, change: Callable[[nn.Module], None]) -> Setup:
    def prepare(model: nn.Module) -> None:
        setup.prepare(model)
        change(model)

    return replace(setup, prepare=prepare)


def _initialisation(setup: Setup, change: Change) -> Setup | None:
    initialise = _INITIALISATIONS.get(str(change.value))
    return None if initialise is None else _prepared(setup, initialise)


def _last_layer_gain(setup: Setup, change: Change) -> Setup:
    gain = float(change.value)
    return _prepared(setup, lambda model: weights.small(last_layer(model), gain))


def _detached(setup: Setup, _: Change) -> Setup:
    return _prepared(setup, weights.joined)


def _frozen(setup: Setup, _: Change) -> Setup:
    thawed = _prepared(setup, lambda model: model.requires_grad_(True) and None)
    return replace(thawed, parameters=all_parameters)


def _trained_parameters(setup: Setup, _: Change) -> Setup:
    return replace(setup, parameters=all_parameters)


def _zero_grad(setup: Setup, _: Change) -> Setup:
    return replace(setup, clears_gradients=True)


def _precision(setup: Setup, _: Change) -> Setup:
    """Leave float16, which is emulated where there is a scaler, as are its overflows."""
    if setup.scaler is None:
        return setup
    return replace(setup, scaler=None, after_backward=untouched)


def _output_activation(setup: Setup, _: Change) -> Setup:
    def bare() -> nn.Module:
        model = setup.model()
        return model.inner if isinstance(model, Ending) else model

    return replace(setup, model=bare)


def _takes(model: Callable[..., nn.Module], keyword: str) -> bool:
    return keyword in inspect.signature(model).parameters


def _keyword_of(model: Callable[..., nn.Module], keyword: str) -> Any:
    """Return what a builder would be given by that name; `None` where it takes none."""
    found = inspect.signature(model).parameters.get(keyword)
    return None if found is None or found.default is inspect.Parameter.empty else found.default


_WAYS: Mapping[str, Way] = {
    "activation": _activation,
    "batch_size": _batch_size,
    "clip_norm": _clip_norm,
    "detached": _detached,
    "dropout": _of_model("dropout"),
    "frozen": _frozen,
    "hidden_layers": _hidden_layers,
    "highest_learning_rate": rates.highest_learning_rate,
    "hidden_width": _of_model("width", whole=True),
    "initialisation": _initialisation,
    "input_scale": samples.input_scale,
    "label_smoothing": _label_smoothing,
    "last_layer_gain": _last_layer_gain,
    "learning_rate": _learning_rate,
    "momentum": _momentum,
    "normalisation": _normalisation,
    "optimizer": _optimizer,
    "output_activation": _output_activation,
    # the training keeps the weights of its best validation where this is changed
    "patience": lambda setup, _: setup,
    "precision": _precision,
    "residual": _residual,
    "schedule": rates.schedule,
    "steps": _steps,
    "target_scale": samples.target_scale,
    "trained_parameters": _trained_parameters,
    "warmup_steps": rates.warmup_steps,
    "weight_decay": _weight_decay,
    "zero_grad": _zero_grad,
}
