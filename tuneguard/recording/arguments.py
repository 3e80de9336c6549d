"""Checks of what a callback is given: wrong arguments are refused before anything starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import nn

from tuneguard.recording.resumed import steps_taken


def require_model(model: object) -> None:
    """Refuse what is no model.

    Raises:
        ValueError: It is none.
    """
    if not isinstance(model, nn.Module):
        raise ValueError(f"model must be a torch.nn.Module, not {type(model).__name__}.")  # noqa: TRY004 - wrong arguments all raise the same


def checked_optimizers(given: object) -> tuple[torch.optim.Optimizer, ...]:
    """Return the optimizers, each once, without what a framework wraps around them.

    Raises:
        ValueError: There is none, or something else among them.
    """
    many = [_unwrapped(one) for one in (given if isinstance(given, Iterable) else (given,))]
    if not many:
        raise ValueError("optimizer must not be empty.")
    return tuple({id(one): one for one in many}.values())


def checked_scaler(
    scaler: torch.amp.GradScaler | None, optimizer: object
) -> torch.amp.GradScaler | None:
    """Return the scaler as given, or that which a framework's wrapper of the optimizer holds.

    Accelerate's `prepare` returns such wrappers.
    """
    if scaler is not None:
        return scaler
    many = optimizer if isinstance(optimizer, Iterable) else (optimizer,)
    found = (getattr(one, "scaler", None) for one in many)
    return next((one for one in found if isinstance(one, torch.amp.GradScaler)), None)


def _unwrapped(given: object) -> torch.optim.Optimizer:
    """Return the optimizer whose steps can be hooked: it, or what it wraps as `optimizer`."""
    one = given
    while one is not None:
        if isinstance(one, torch.optim.Optimizer) and _can_be_hooked(one):
            return one
        one = getattr(one, "optimizer", None)
    raise ValueError(f"optimizer must be a torch.optim.Optimizer, not {type(given).__name__}.")


def _can_be_hooked(optimizer: torch.optim.Optimizer) -> bool:
    try:
        optimizer.register_step_pre_hook(lambda *_: None).remove()
    except AttributeError:
        return False
    return True


def require_positive(numbers: Mapping[str, int | None]) -> None:
    """Refuse numbers below 1, by the name of the argument.

    Raises:
        ValueError: One is, or is no whole number.
    """
    for name, value in numbers.items():
        if value is not None and (not isinstance(value, int) or value < 1):
            raise ValueError(f"{name} must be a whole number of at least 1, not {value!r}.")


def require_share(name: str, value: object) -> None:
    """Refuse what is no share.

    Raises:
        ValueError: It is not above 0, or above 1.
    """
    if not isinstance(value, float | int) or not 0.0 < value <= 1.0:
        raise ValueError(f"{name} must be a share above 0 and up to 1, not {value!r}.")


def checked_first_step(given: int | None, optimizers: Sequence[torch.optim.Optimizer]) -> int:
    """Return the first step: as given, or by the optimizers' own count.

    Raises:
        ValueError: It is no whole number, or negative.
    """
    if given is None:
        return max(steps_taken(optimizer) for optimizer in optimizers)
    if not isinstance(given, int) or given < 0:
        raise ValueError(f"first_step must be a whole number of at least 0, not {given!r}.")
    return given
