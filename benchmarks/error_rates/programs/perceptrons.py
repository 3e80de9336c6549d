"""Fully connected classifiers."""

from __future__ import annotations

from functools import partial

from torch import nn, optim
from torch.nn.functional import cross_entropy

from benchmarks.error_rates.generated import digits, teacher
from benchmarks.error_rates.networks import Perceptron
from benchmarks.error_rates.schedules import cosine, triangular, warmup_cosine
from benchmarks.error_rates.setup import Setup


def mlp_relu() -> Setup:
    """Train two hidden layers with momentum at a constant rate."""
    return Setup(
        program="mlp_relu",
        task="classification",
        num_classes=5,
        data=teacher,
        model=partial(Perceptron, 20, 5),
        criterion=cross_entropy,
        optimizer=partial(optim.SGD, lr=0.03, momentum=0.9),
        steps=600,
    )


def mlp_tanh() -> Setup:
    """Train three hidden layers of tanh with Adam."""
    return Setup(
        program="mlp_tanh",
        task="classification",
        num_classes=3,
        data=partial(teacher, features=12, classes=3),
        model=partial(Perceptron, 12, 3, depth=3, width=32, activation=nn.Tanh),
        criterion=cross_entropy,
        optimizer=partial(optim.Adam, lr=2e-3),
        steps=600,
    )


def mlp_gelu_deep() -> Setup:
    """Train six hidden layers of GELU and layer norms with AdamW along a cosine."""
    return Setup(
        program="mlp_gelu_deep",
        task="classification",
        num_classes=10,
        data=partial(digits, flat=True, noise=0.7),
        model=partial(
            Perceptron, 64, 10, depth=6, width=40, activation=nn.GELU, norm=nn.LayerNorm
        ),
        criterion=cross_entropy,
        optimizer=partial(optim.AdamW, lr=1e-3),
        rate=cosine,
        steps=400,
    )


def label_noise() -> Setup:
    """Train on labels of which one in six is drawn at random."""
    return Setup(
        program="label_noise",
        task="classification",
        num_classes=10,
        data=partial(digits, flat=True, train=12000, noise=0.8, wrong=0.17),
        model=partial(Perceptron, 64, 10, width=64),
        criterion=cross_entropy,
        optimizer=partial(optim.AdamW, lr=1e-3),
        steps=500,
    )


def cyclic() -> Setup:
    """Train with a learning rate that rises and falls five times."""
    return Setup(
        program="cyclic",
        task="classification",
        num_classes=6,
        data=partial(teacher, features=16, classes=6),
        model=partial(Perceptron, 16, 6, width=64, norm=nn.LayerNorm),
        criterion=cross_entropy,
        optimizer=partial(optim.SGD, lr=0.2, momentum=0.9),
        rate=triangular,
        steps=600,
    )


def large_batch() -> Setup:
    """Train with batches of 512 and a rate that goes with them."""
    return Setup(
        program="large_batch",
        task="classification",
        num_classes=4,
        data=partial(teacher, features=24, classes=4, train=16000),
        model=partial(Perceptron, 24, 4, width=64),
        criterion=cross_entropy,
        optimizer=partial(optim.SGD, lr=0.2, momentum=0.9, nesterov=True),
        batch_size=512,
        steps=350,
    )


def heavy_dropout() -> Setup:
    """Train with half of the hidden units silenced, so that validation is better than training."""
    return Setup(
        program="heavy_dropout",
        task="classification",
        num_classes=10,
        data=partial(digits, flat=True, noise=0.6),
        model=partial(Perceptron, 64, 10, width=96, dropout=0.5),
        criterion=cross_entropy,
        optimizer=partial(optim.RMSprop, lr=1e-3),
        steps=500,
    )


def warmup_cosine_selu() -> Setup:
    """Train SELU units with a rate that warms up and then falls along a cosine."""
    return Setup(
        program="warmup_cosine",
        task="classification",
        num_classes=8,
        data=partial(teacher, features=18, classes=8, train=12000),
        model=partial(Perceptron, 18, 8, depth=3, activation=nn.SELU),
        criterion=cross_entropy,
        optimizer=partial(optim.AdamW, lr=4e-3, weight_decay=0.01),
        rate=warmup_cosine,
        steps=600,
    )
