"""Vectors and images: drawn from a seed, or made of the digits that scikit-learn ships."""

from __future__ import annotations

import math
from functools import cache

import torch
from sklearn.datasets import load_digits
from torch import Tensor

from benchmarks.error_rates.setup import Batch, Data

VALIDATED, TESTED = 400, 1000


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
    targets = (torch.tanh(1.5 * inputs @ first) @ second).argmax(-1)
    return split(inputs, mislabelled(targets, train + VALIDATED, wrong, classes, draw), train)


def friedman(seed: int, *, train: int = 6000, noise: float = 0.3, wrong: float = 0.0) -> Data:
    """Draw a regression of ten uniform inputs, of which five matter.

    The surface is the first of Friedman, "Multivariate adaptive regression splines", Annals of
    Statistics 19 (1991), with targets of mean 0 and variance 1 but for the noise.

    Args:
        seed: Of the inputs and of the noise.
        train: Samples to train on.
        noise: Standard deviation of what is added to the targets.
        wrong: Share of the targets that are drawn at random, in training and validation.
    """
    draw = torch.Generator().manual_seed(seed)
    inputs = torch.rand(train + VALIDATED + TESTED, 10, generator=draw)
    wave = 10.0 * torch.sin(math.pi * inputs[:, 0] * inputs[:, 1])
    surface = (
        wave + 20.0 * (inputs[:, 2] - 0.5).square() + 10.0 * inputs[:, 3] + 5.0 * inputs[:, 4]
    )
    targets = (surface - 14.4) / 4.9 + noise * torch.randn(len(inputs), generator=draw)
    drawn = torch.rand(len(inputs), generator=draw) < wrong
    drawn[train + VALIDATED :] = False
    targets = torch.where(drawn, torch.randn(len(inputs), generator=draw), targets)
    return split((inputs - 0.5) * math.sqrt(12.0), targets[:, None], train)


def digits(
    seed: int, *, train: int = 6000, noise: float = 0.5, wrong: float = 0.0, flat: bool = False
) -> Data:
    """Draw noisy copies of small images of handwritten digits; no image is in two parts.

    Args:
        seed: Of the split, of the draws and of the noise.
        train: Samples to train on.
        noise: Standard deviation of the noise on a pixel, in those of the pixels.
        wrong: Share of the labels that are drawn at random, in training and validation.
        flat: Whether an image is a row of 64 pixels.
    """
    draw = torch.Generator().manual_seed(seed)
    inputs, labels = _drawn_digits(draw, train, noise)
    targets = mislabelled(labels, train + VALIDATED, wrong, 10, draw)
    return split(inputs.flatten(1) if flat else inputs, targets, train)


def reconstruction(seed: int, *, train: int = 6000, noise: float = 0.15) -> Data:
    """Draw noisy digits as rows of pixels, each the target of itself.

    Args:
        seed: Of the split, of the draws and of the noise.
        train: Samples to train on.
        noise: Standard deviation of the noise on a pixel, in those of the pixels.
    """
    inputs, _ = _drawn_digits(torch.Generator().manual_seed(seed), train, noise)
    return split(inputs.flatten(1), inputs.flatten(1), train)


def _drawn_digits(draw: torch.Generator, train: int, noise: float) -> Batch:
    images, labels = _digits()
    order = torch.randperm(len(images), generator=draw)
    parts = torch.split(order, [1100, 250, len(order) - 1350])
    chosen = torch.cat(
        [
            part[torch.randint(len(part), (count,), generator=draw)]
            for part, count in zip(parts, (train, VALIDATED, TESTED), strict=True)
        ]
    )
    inputs = images[chosen]
    return inputs + noise * torch.randn(inputs.shape, generator=draw), labels[chosen]


@cache
def _digits() -> Batch:
    pixels, labels = load_digits(return_X_y=True)
    images = torch.tensor(pixels, dtype=torch.float32).reshape(-1, 1, 8, 8)
    return (images - images.mean()) / images.std(), torch.tensor(labels)


def mislabelled(
    targets: Tensor, count: int, share: float, classes: int, draw: torch.Generator
) -> Tensor:
    """Return targets of which a share of the first `count` is drawn at random."""
    guessed = torch.randint(classes, targets.shape, generator=draw)
    wrong = torch.rand(targets.shape, generator=draw) < share
    wrong[count:] = False
    return torch.where(wrong, guessed, targets)


def split(inputs: Tensor, targets: Tensor, train: int) -> Data:
    """Return samples in three parts, the first of them `train` long."""
    sizes = [train, VALIDATED, len(inputs) - train - VALIDATED]
    parts = zip(torch.split(inputs, sizes), torch.split(targets, sizes), strict=True)
    return Data(*parts)
