"""Fully connected classifiers."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

from benchmarks.error_rates.generated import teacher
from benchmarks.error_rates.networks import Perceptron
from benchmarks.error_rates.setup import Setup


def mlp_relu() -> Setup:
    """Train two hidden layers with momentum at a constant rate."""
    return Setup(
        program="mlp_relu",
        task="classification",
        num_classes=5,
        data=teacher,
        model=partial(Perceptron, 20, 5),
        criterion=nn.CrossEntropyLoss(),
        optimizer=partial(torch.optim.SGD, lr=0.1, momentum=0.9),
        steps=500,
    )
