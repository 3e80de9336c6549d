"""Regressions: of one number, and of an image on itself."""

from __future__ import annotations

from functools import partial

from torch import optim
from torch.nn.functional import mse_loss

from benchmarks.error_rates.generated import friedman, reconstruction
from benchmarks.error_rates.networks import Autoencoder, Perceptron
from benchmarks.error_rates.setup import Setup


def regression() -> Setup:
    """Train two hidden layers on a curved surface with Adam."""
    return Setup(
        program="regression",
        task="regression",
        num_classes=None,
        data=friedman,
        model=partial(Perceptron, 10, 1, width=40),
        criterion=mse_loss,
        optimizer=partial(optim.Adam, lr=3e-3),
        steps=600,
    )


def autoencoder() -> Setup:
    """Train a network to give its own inputs back through a narrow waist."""
    return Setup(
        program="autoencoder",
        task="regression",
        num_classes=None,
        data=reconstruction,
        model=Autoencoder,
        criterion=mse_loss,
        optimizer=partial(optim.Adam, lr=2e-3),
        steps=500,
    )
