"""Convolutional classifiers of small images."""

from __future__ import annotations

from functools import partial

from torch import nn, optim
from torch.nn.functional import cross_entropy

from benchmarks.error_rates.generated import digits
from benchmarks.error_rates.networks import Convolutions, FunctionalConvolutions, Residual
from benchmarks.error_rates.schedules import cosine, steps_down
from benchmarks.error_rates.setup import Setup


def cnn() -> Setup:
    """Train convolutions with Adam; their activations are no modules."""
    return Setup(
        program="cnn",
        task="classification",
        num_classes=10,
        data=partial(digits, noise=0.6),
        model=partial(FunctionalConvolutions, 10),
        criterion=cross_entropy,
        optimizer=partial(optim.Adam, lr=4e-3),
        rate=steps_down,
        steps=400,
    )


def cnn_batchnorm() -> Setup:
    """Train convolutions with batch norms by momentum."""
    return Setup(
        program="cnn_batchnorm",
        task="classification",
        num_classes=10,
        data=partial(digits, noise=0.6),
        model=partial(Convolutions, 10, norm=nn.BatchNorm2d),
        criterion=cross_entropy,
        optimizer=partial(optim.SGD, lr=0.02, momentum=0.9),
        steps=350,
    )


def residual() -> Setup:
    """Train residual blocks with Nesterov's momentum, weight decay and a cosine."""
    return Setup(
        program="residual",
        task="classification",
        num_classes=10,
        data=partial(digits, noise=0.8),
        model=partial(Residual, 10),
        criterion=cross_entropy,
        optimizer=partial(optim.SGD, lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4),
        rate=cosine,
        batch_size=32,
        steps=300,
    )
