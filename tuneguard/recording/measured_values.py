"""The results of a validation, as a loop gives them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import torch

from tuneguard import keys

_PREFIXES = ("validation/", "validation_", "val/", "val_")

_logger = logging.getLogger(__name__)


def validation_values(
    metrics: Mapping[str, Any], said: set[str] | None = None
) -> dict[str, float]:
    """Return the numbers among `metrics` by metric key; say which are none.

    Args:
        metrics: What the loop gives.
        said: Names about which nothing more is to be said; those that are no numbers are added.

    Raises:
        TypeError: `metrics` has no names.

    >>> validation_values({"loss": 0.5, "val_accuracy": 1})
    {'validation/loss': 0.5, 'validation/accuracy': 1.0}
    """
    if not isinstance(metrics, Mapping):
        raise TypeError(f"metrics must be a dict of numbers by name, not {type(metrics).__name__}")
    said = set() if said is None else said
    values: dict[str, float] = {}
    for name, value in metrics.items():
        number = _number(value)
        if number is not None:
            values[keys.safe(f"{keys.VALIDATION}/{_bare(str(name))}")] = number
        elif str(name) not in said:
            said.add(str(name))
            kind = type(value).__name__
            _logger.warning("Validation metric %r is no number (%s): left out.", name, kind)
    return values


def _bare(name: str) -> str:
    prefix = next((one for one in _PREFIXES if name.startswith(one)), "")
    return name.removeprefix(prefix) or name


def _number(value: Any) -> float | None:
    if isinstance(value, str | bytes):
        return None
    if isinstance(value, torch.Tensor):
        value = value.detach()
    try:
        return float(value)
    except Exception:  # noqa: BLE001 - whatever the value's own conversion raises, it is no number
        return None
