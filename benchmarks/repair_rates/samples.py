"""What prescriptions do to the samples that are trained on and scored with."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from benchmarks.error_rates.setup import Data, Setup
from tuneguard.findings import Change


def input_scale(setup: Setup, _: Change) -> Setup | None:
    """Standardise each feature by the samples trained on; tokens have no scale."""
    if not setup.data(0).train[0].is_floating_point():
        return None

    def data(seed: int) -> Data:
        drawn = setup.data(seed)
        known = drawn.train[0]
        mean, deviation = known.mean(0), known.std(0).clamp_min(1e-8)
        parts = (drawn.train, drawn.validation, drawn.test)
        return Data(*((_standardised(one, mean, deviation), to) for one, to in parts))

    return replace(setup, data=data)


def target_scale(setup: Setup, _: Change) -> Setup | None:
    """Standardise each target by the samples trained on; what is explained of them stays."""
    if setup.task != "regression":
        return None

    def data(seed: int) -> Data:
        drawn = setup.data(seed)
        known = drawn.train[1]
        mean, deviation = known.mean(0), known.std(0).clamp_min(1e-8)
        parts = (drawn.train, drawn.validation, drawn.test)
        return Data(*((of, _standardised(one, mean, deviation)) for of, one in parts))

    return replace(setup, data=data)


def _standardised(values: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    return (values - mean) / deviation
