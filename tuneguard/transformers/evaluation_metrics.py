"""What an evaluation of the Trainer measures, by the names that it has without the Trainer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_PREFIX = "eval_"
_OF_THE_MACHINE = (
    "_runtime",
    "_samples_per_second",
    "_steps_per_second",
    "_model_preparation_time",
    "_jit_compilation_time",
)


def evaluation_metrics(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return the results on the data, without the Trainer's prefix and its times.

    >>> evaluation_metrics({"eval_loss": 0.5, "eval_runtime": 1.2, "epoch": 1.0})
    {'loss': 0.5}
    """
    return {
        name.removeprefix(_PREFIX): value
        for name, value in metrics.items()
        if name != "epoch" and not name.endswith(_OF_THE_MACHINE)
    }
