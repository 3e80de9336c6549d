"""Faults of the data."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.error_rates.setup import Batch, Data, Setup


def unscaled_inputs(setup: Setup, scale: float) -> Setup:
    """Multiply all inputs, as where pixels are left between 0 and 255."""

    def scaled(part: Batch) -> Batch:
        return part[0] * scale, part[1]

    def data(seed: int) -> Data:
        drawn = setup.data(seed)
        return Data(scaled(drawn.train), scaled(drawn.validation), scaled(drawn.test))

    return replace(setup, data=data)
