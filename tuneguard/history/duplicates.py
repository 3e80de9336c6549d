"""One measurement logged under two names: training that only seems to be validated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from tuneguard.history.roles import Metric, Role
from tuneguard.history.series import Series

_MIN_POINTS = 3


def duplicate_notes(
    series: Mapping[str, Series], roles: Mapping[Role, str], metrics: Iterable[Metric]
) -> list[str]:
    """Name the measurements that are the same number for number in training and validation.

    Args:
        series: By key.
        roles: Which key plays which role.
        metrics: The measured qualities.
    """
    return [
        f"{train!r} and {validation!r} hold the same numbers: "
        "one of them was probably logged under both names."
        for train, validation in _pairs(roles, metrics)
        if _is_same(series[train], series[validation])
    ]


def _pairs(roles: Mapping[Role, str], metrics: Iterable[Metric]) -> Iterator[tuple[str, str]]:
    if Role.TRAIN_LOSS in roles and Role.VALIDATION_LOSS in roles:
        yield roles[Role.TRAIN_LOSS], roles[Role.VALIDATION_LOSS]
    metrics = list(metrics)
    trained = {metric.name: metric.key for metric in metrics if metric.split == "train"}
    for metric in metrics:
        if metric.split == "validation" and metric.name in trained:
            yield trained[metric.name], metric.key


def _is_same(one: Series, other: Series) -> bool:
    if len(one) != len(other) or len(one) < _MIN_POINTS:
        return False
    # two perfect accuracies are no accident in logging
    is_constant = bool(np.all(one.values == one.values[0]))
    return not is_constant and np.array_equal(one.values, other.values, equal_nan=True)
