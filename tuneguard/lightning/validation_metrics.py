"""What a validation inside of `fit` measured, told from what training logs meanwhile."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_PREFIX = re.compile(r"^(val|valid|validation|eval|dev)[_/. -](?=.)", re.IGNORECASE)
_FORKS = ("_step", "_epoch")


def validation_metrics(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the results of a validation, by the names that they have without their split.

    Args:
        before: `trainer.callback_metrics` as the validation began.
        after: The same as it ended: what is still the same object was logged in training.

    >>> validation_metrics({"train_loss": (old := [0.5])}, {"train_loss": old, "val_loss": [0.7]})
    {'loss': [0.7]}
    >>> validation_metrics({}, {"val/acc": 0.9, "val/acc_epoch": 0.9, "val/acc_step": 0.8})
    {'acc': 0.9}
    """
    measured = {name: value for name, value in after.items() if before.get(name) is not value}
    return {
        _PREFIX.sub("", name): value
        for name, value in measured.items()
        if not any(name.endswith(fork) and name[: -len(fork)] in measured for fork in _FORKS)
    }
