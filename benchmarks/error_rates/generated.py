"""Data of the programs: drawn from a seed, or small images that scikit-learn ships."""

from __future__ import annotations

import math
from functools import cache

import torch
from sklearn.datasets import load_digits
from torch import Tensor

from benchmarks.error_rates.setup import Batch, Data

VALIDATED, TESTED = 500, 1500


def teacher(
    seed: int, *, train: int = 8000, features: int = 20, classes: int = 5, wrong: float = 0.0
) -> Data:
    """Draw normal inputs, each of the class that a random network of one hidden layer says.

    Args:
        seed: Of the inputs; the network is always the same.
        train: Samples to train on.
        features: Numbers in an input.
        classes: Number of classes.
        wrong: Share of the labels that are drawn at random, in training and validation.
    """
    fixed = torch.Generator().manual_seed(features * classes)
    first = torch.randn(features, 12, generator=fixed) / math.sqrt(features)
    second = torch.randn(12, classes, generator=fixed)
    draw = torch.Generator().manual_seed(seed)
    inputs = torch.randn(train + VALIDATED + TESTED, features, generator=draw)
    targets = (torch.tanh(2.0 * inputs @ first) @ second).argmax(-1)
    return _split(inputs, _mislabelled(targets, train + VALIDATED, wrong, classes, draw), train)


def digits(seed: int, *, train: int = 6000, noise: float = 0.5, wrong: float = 0.0) -> Data:
    """Draw noisy copies of small images of handwritten digits; no image is in two parts.

    Args:
        seed: Of the split, of the draws and of the noise.
        train: Samples to train on.
        noise: Standard deviation of the noise on a pixel, in those of the pixels.
        wrong: Share of the labels that are drawn at random, in training and validation.
    """
    images, labels = _digits()
    draw = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(images), generator=draw)
    parts = zip(
        torch.split(order, [1100, 250, len(order) - 1350]), (train, VALIDATED, TESTED), strict=True
    )
    chosen = torch.cat(
        [part[torch.randint(len(part), (count,), generator=draw)] for part, count in parts]
    )
    inputs = images[chosen]
    inputs = inputs + noise * torch.randn(inputs.shape, generator=draw)
    return _split(inputs, _mislabelled(labels[chosen], train + VALIDATED, wrong, 10, draw), train)


@cache
def _digits() -> Batch:
    pixels, labels = load_digits(return_X_y=True)
    images = torch.tensor(pixels, dtype=torch.float32).reshape(-1, 1, 8, 8)
    return (images - images.mean()) / images.std(), torch.tensor(labels)


def _mislabelled(
    targets: Tensor, count: int, share: float, classes: int, draw: torch.Generator
) -> Tensor:
    """Return targets of which a share of the first ones is drawn at random."""
    guessed = torch.randint(classes, targets.shape, generator=draw)
    wrong = torch.rand(targets.shape, generator=draw) < share
    wrong[count:] = False
    return torch.where(wrong, guessed, targets)


def _split(inputs: Tensor, targets: Tensor, train: int) -> Data:
    sizes = [train, VALIDATED, len(inputs) - train - VALIDATED]
    return Data(*zip(torch.split(inputs, sizes), torch.split(targets, sizes), strict=True))
