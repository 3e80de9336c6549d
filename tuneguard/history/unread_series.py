"""Which curves of a run no rule reads, where one of them may be the loss."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from tuneguard import keys
from tuneguard.history.roles import Role, normalise
from tuneguard.history.series import Series

_SOUGHT = {Role.TRAIN_LOSS: "training loss", Role.VALIDATION_LOSS: "validation loss"}
_FEWEST = 3
_MOST_NAMED = 5
_OF_THE_LOOP = {"epoch", "epochs", "step", "steps", "iter", "iteration", "iterations", "batch"}
_OF_TIME = {
    "time",
    "seconds",
    "sec",
    "runtime",
    "duration",
    "eta",
    "speed",
    "throughput",
    "second",
}
_OF_DATA = {"samples", "tokens", "examples", "flos", "flops"}
_OF_MACHINE = {"system", "memory", "mem", "gpu", "cpu", "disk", "network", "power", "utilization"}
_OF_OPTIMIZER = {"lr", "rate", "momentum", "grad", "gradient", "norm", "update", "weight", "scale"}
_RECORDED = {
    key.partition("/")[0]
    for key in (
        *(keys.GRADIENT_COSINE, keys.INPUT_MEAN, keys.CURVATURE, keys.CLIPPING_FACTOR),
        *(keys.SPLITS, keys.RANK_LOSS_SPREAD, keys.SHARD, keys.PREFIX, keys.DEAD_UNITS),
        *(keys.SATURATED_UNITS, keys.ZERO_GRADIENT_UNITS),
    )
}
_NO_LOSS = _OF_THE_LOOP | _OF_TIME | _OF_DATA | _OF_MACHINE | _OF_OPTIMIZER


def unread_notes(
    series: Mapping[str, Series], roles: Mapping[Role, str], scores: Collection[str]
) -> list[str]:
    """Ask which series is the training loss, or the validation loss, where no name tells.

    Args:
        series: By key.
        roles: The key of each role that a name tells.
        scores: Keys of the metrics other than losses that names tell.
    """
    read = {*roles.values(), *scores}
    unread = sorted(key for key, one in series.items() if key not in read and _may_be_loss(one))
    if not unread:
        return []
    listed = ", ".join(map(repr, unread[:_MOST_NAMED]))
    more = f" and {len(unread) - _MOST_NAMED} more" if len(unread) > _MOST_NAMED else ""
    return [
        f"No name tells the {name}, and nothing was made of {listed}{more}: if that is among "
        f"them, say so with --map {role.value}=KEY."
        for role, name in _SOUGHT.items()
        if role not in roles
    ]


def _may_be_loss(one: Series) -> bool:
    words = set(normalise(one.key).split("_"))
    is_summary = one.key.endswith(keys.MAXIMUM_SUFFIX)
    if words & _NO_LOSS or is_summary or one.key.partition("/")[0] in _RECORDED:
        return False
    values = one.values[np.isfinite(one.values)]
    return len(values) >= _FEWEST and bool(np.ptp(values) > 0.0)
