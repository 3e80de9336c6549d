"""The base programs: a healthy training of each family, as practice has it."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.error_rates.programs import (
    convolutions,
    fine_tuning,
    perceptrons,
    regressions,
    sequences,
)
from benchmarks.error_rates.setup import Setup

PROGRAMS: dict[str, Callable[[], Setup]] = {
    "mlp_relu": perceptrons.mlp_relu,
    "mlp_tanh": perceptrons.mlp_tanh,
    "cnn": convolutions.cnn,
    "gru": sequences.gru,
    "lstm": sequences.lstm,
    "regression": regressions.regression,
    "label_noise": perceptrons.label_noise,
    "cyclic": perceptrons.cyclic,
    "large_batch": perceptrons.large_batch,
    "mlp_gelu_deep": perceptrons.mlp_gelu_deep,
    "cnn_batchnorm": convolutions.cnn_batchnorm,
    "residual": convolutions.residual,
    "embedding_bag": sequences.embedding_bag,
    "transformer": sequences.transformer,
    "autoencoder": regressions.autoencoder,
    "heavy_dropout": perceptrons.heavy_dropout,
    "fine_tuning": fine_tuning.fine_tuning,
    "warmup_cosine": perceptrons.warmup_cosine_selu,
}
"""Every base program by the name that `labels.toml` gives it."""
