"""Base programs to try rules on at will, of networks and data that are in neither half."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.error_rates.rehearsal import classifiers, readers, regressions, tuned
from benchmarks.error_rates.setup import Setup

REHEARSED: dict[str, Callable[[], Setup]] = {
    "wide_relu": classifiers.wide_relu,
    "elu_unequal": classifiers.elu_unequal,
    "binary_batchnorm": classifiers.binary_batchnorm,
    "waves_conv1d": classifiers.waves_conv1d,
    "tanh_rnn": readers.tanh_rnn,
    "attention_pooling": readers.attention_pooling,
    "uncentred": regressions.uncentred,
    "several_outputs": regressions.several_outputs,
    "denoising": regressions.denoising,
    "frozen_trunk": tuned.frozen_trunk,
}
"""Every program of the rehearsal by the name that `labels.toml` gives it."""
