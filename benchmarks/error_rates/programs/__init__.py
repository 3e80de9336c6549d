"""The base programs: a healthy training of each family, as practice has it."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.error_rates.programs import convolutions, perceptrons
from benchmarks.error_rates.setup import Setup

PROGRAMS: dict[str, Callable[[], Setup]] = {
    "mlp_relu": perceptrons.mlp_relu,
    "cnn_batchnorm": convolutions.cnn_batchnorm,
}
"""Every base program by the name that `labels.toml` gives it."""
