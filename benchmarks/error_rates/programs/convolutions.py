"""Convolutional classifiers of small images."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

from benchmarks.error_rates.generated import digits
from benchmarks.error_rates.networks import Convolutions
from benchmarks.error_rates.setup import Setup


def cnn_batchnorm() -> Setup:
    """Train convolutions with batch norms by momentum."""
    return Setup(
        program="cnn_batchnorm",
        task="classification",
        num_classes=10,
        data=digits,
        model=partial(Convolutions, 10, normed=True),
        criterion=nn.CrossEntropyLoss(),
        optimizer=partial(torch.optim.SGD, lr=0.05, momentum=0.9),
        steps=400,
    )
