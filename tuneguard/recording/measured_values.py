"""The results of a validation, as a loop gives them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import torch

from tuneguard import keys

_PREFIXES = ("validation/", "validation_", "val/", "val_")

_logger = logging.getLogger(__name__)


def validation_values(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers among `metrics` by metric key; say which are none.

    >>> validation_values({"loss": 0.5, "val_accuracy": 1})
    {'validation/loss': 0.5, 'validation/accuracy': 1.0}
    """
    values: dict[str, float] = {}
    for name, value in metrics.items():
        number = _number(value)
        if number is None:
            _logger.warning("Validation metric %r is no number: %.80r is left out.", name, value)
        else:
            values[keys.safe(f"{keys.VALIDATION}/{_bare(str(name))}")] = number
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
    except (TypeError, ValueError, RuntimeError):
        return None
