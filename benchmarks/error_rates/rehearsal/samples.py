"""Vectors, waves, images and tokens that no program of the two halves is trained on."""

from __future__ import annotations

import math

import torch
from sklearn.datasets import load_digits
from torch import Tensor

from benchmarks.error_rates.generated import TESTED, VALIDATED, friedman, mislabelled, split
from benchmarks.error_rates.setup import Data
from benchmarks.error_rates.tokens import VOCABULARY

SHARES = (0.55, 0.22, 0.12, 0.07, 0.04)
"""Of the classes of `unequal`."""


def unequal(seed: int, *, train: int = 8000, features: int = 14, wrong: float = 0.0) -> Data:
    """Draw normal inputs, of five classes of which one is fourteen times as common as another.

    The class is where a curved function of the input lies among its quantiles.

    Args:
        seed: Of the inputs.
        train: Samples to train on.
        features: Numbers in an input.
        wrong: Share of the labels that are drawn at random, in training and validation.
    """
    fixed = torch.Generator().manual_seed(features)
    directions = torch.randn(features, 2, generator=fixed) / math.sqrt(features)
    draw = torch.Generator().manual_seed(seed)
    inputs = torch.randn(train + VALIDATED + TESTED, features, generator=draw)
    first, second = (inputs @ directions).unbind(-1)
    level = first + 0.6 * torch.sin(2.0 * second) + 0.4 * second.square()
    edges = torch.quantile(level, torch.tensor(SHARES).cumsum(0)[:-1])
    targets = torch.bucketize(level, edges)
    return split(inputs, mislabelled(targets, train + VALIDATED, wrong, 5, draw), train)


def shells(seed: int, *, train: int = 8000, features: int = 10, wrong: float = 0.0) -> Data:
    """Draw normal inputs, of class 1 where three of the numbers lie far from the origin.

    Args:
        seed: Of the inputs.
        train: Samples to train on.
        features: Numbers in an input.
        wrong: Share of the labels that are drawn at random, in training and validation.
    """
    draw = torch.Generator().manual_seed(seed)
    inputs = torch.randn(train + VALIDATED + TESTED, features, generator=draw)
    distance = inputs[:, :3].square().sum(-1) + 0.3 * torch.randn(len(inputs), generator=draw)
    targets = (distance > 3.7).long()
    return split(inputs, mislabelled(targets, train + VALIDATED, wrong, 2, draw), train)


def waves(
    seed: int, *, train: int = 6000, length: int = 32, noise: float = 0.9, wrong: float = 0.0
) -> Data:
    """Draw noisy waves of three shapes and two periods, at any phase.

    Args:
        seed: Of the waves.
        train: Waves to train on.
        length: Points of a wave.
        noise: Standard deviation of the noise on a point.
        wrong: Share of the labels that are drawn at random, in training and validation.
    """
    draw = torch.Generator().manual_seed(seed)
    count = train + VALIDATED + TESTED
    targets = torch.randint(6, (count,), generator=draw)
    period = torch.where(targets % 2 == 0, 8.0, 13.0)[:, None]
    turns = torch.arange(length) / period + torch.rand(count, 1, generator=draw)
    phase = turns % 1.0
    shapes = torch.stack(
        [
            math.sqrt(2.0) * torch.sin(2.0 * math.pi * phase),
            torch.where(phase < 0.3, 1.53, -0.65),
            math.sqrt(3.0) * (2.0 * phase - 1.0),
        ]
    )
    clean = shapes[targets // 2, torch.arange(count)]
    inputs = clean + noise * torch.randn(count, length, generator=draw)
    labels = mislabelled(targets, train + VALIDATED, wrong, 6, draw)
    return split(inputs[:, None], labels, train)


def drifts(
    seed: int, *, train: int = 6000, length: int = 10, channels: int = 4, wrong: float = 0.0
) -> Data:
    """Draw series of noise, each of the class of the channel with the highest fading sum.

    Args:
        seed: Of the series.
        train: Series to train on.
        length: Points of a series.
        channels: Numbers at a point, and classes.
        wrong: Share of the labels that are drawn at random, in training and validation.
    """
    draw = torch.Generator().manual_seed(seed)
    inputs = torch.randn(train + VALIDATED + TESTED, length, channels, generator=draw)
    fading = 0.8 ** torch.arange(length - 1, -1, -1.0)
    targets = (inputs * fading[:, None]).sum(1).argmax(-1)
    labels = mislabelled(targets, train + VALIDATED, wrong, channels, draw)
    return split(inputs, labels, train)


def marked(
    seed: int, *, train: int = 8000, length: int = 14, classes: int = 6, wrong: float = 0.0
) -> Data:
    """Draw sequences of which one or two tokens, of twelve that mean something, tell the class.

    Args:
        seed: Of the sequences.
        train: Sequences to train on.
        length: Tokens in a sequence.
        classes: Number of classes.
        wrong: Share of the labels that are drawn at random, in training and validation.
    """
    draw = torch.Generator().manual_seed(seed)
    count = train + VALIDATED + TESTED
    targets = torch.randint(classes, (count,), generator=draw)
    tokens = torch.randint(12, VOCABULARY, (count, length), generator=draw)
    for _ in range(2):
        place = torch.randint(length, (count,), generator=draw)
        words = targets + classes * torch.randint(12 // classes, (count,), generator=draw)
        tokens[torch.arange(count), place] = words
    labels = mislabelled(targets, count, 0.04, classes, draw)
    return split(tokens, mislabelled(labels, train + VALIDATED, wrong, classes, draw), train)


def in_own_unit(seed: int, *, train: int = 6000, wrong: float = 0.0) -> Data:
    """Draw Friedman's first surface as it was published: of mean 14.4 and deviation 4.9.

    Args:
        seed: Of the inputs and of the noise.
        train: Samples to train on.
        wrong: Share of the targets that are drawn at random, in training and validation.
    """
    drawn = friedman(seed, train=train, noise=0.25, wrong=wrong)
    parts = (drawn.train, drawn.validation, drawn.test)
    return Data(*((inputs, 14.4 + 4.9 * targets) for inputs, targets in parts))


def reactances(seed: int, *, train: int = 6000, wrong: float = 0.0) -> Data:
    """Draw three targets of four inputs: an impedance, its phase, and a product.

    The first two follow the second and third surface of Friedman, "Multivariate adaptive
    regression splines", Annals of Statistics 19 (1991), in units of their deviation; their means
    are not 0.

    Args:
        seed: Of the inputs and of the noise.
        train: Samples to train on.
        wrong: Share of the targets that are drawn at random, in training and validation.
    """
    draw = torch.Generator().manual_seed(seed)
    inputs = torch.rand(train + VALIDATED + TESTED, 6, generator=draw)
    resistance, frequency, coil, capacity = (
        inputs[:, 0] + 0.2,
        1.0 + 3.0 * inputs[:, 1],
        0.2 + 0.8 * inputs[:, 2],
        1.0 + 4.0 * inputs[:, 3],
    )
    reactance = frequency * coil - 1.0 / (frequency * capacity)
    targets = torch.stack(
        [
            (resistance.square() + reactance.square()).sqrt() / 0.75,
            torch.atan(reactance / resistance) / 0.28,
            6.0 * (inputs[:, 4] * inputs[:, 0] - 0.1),
        ],
        dim=-1,
    )
    targets = targets + 0.15 * torch.randn(targets.shape, generator=draw)
    drawn = torch.rand(len(targets), generator=draw) < wrong
    drawn[train + VALIDATED :] = False
    others = targets[torch.randperm(len(targets), generator=draw)]
    targets = torch.where(drawn[:, None], others, targets)
    return split((inputs - 0.5) * math.sqrt(12.0), targets, train)


def denoised(seed: int, *, train: int = 6000, noise: float = 0.2) -> Data:
    """Draw noisy digits with pixels from 0 to 1, and as rows the same without the noise.

    Args:
        seed: Of the split, of the draws and of the noise.
        train: Samples to train on.
        noise: Standard deviation of the noise on a pixel.
    """
    draw = torch.Generator().manual_seed(seed)
    images = _drawn(draw, train)
    noisy = images + noise * torch.randn(images.shape, generator=draw)
    return split(noisy, images.flatten(1), train)


def _drawn(draw: torch.Generator, train: int) -> Tensor:
    """Return images that are drawn again and again; no image is in two of the parts."""
    pixels, _ = load_digits(return_X_y=True)
    images = torch.tensor(pixels / 16.0, dtype=torch.float32).reshape(-1, 1, 8, 8)
    parts = torch.split(torch.randperm(len(images), generator=draw), [1100, 250, 447])
    chosen = [
        part[torch.randint(len(part), (count,), generator=draw)]
        for part, count in zip(parts, (train, VALIDATED, TESTED), strict=True)
    ]
    return images[torch.cat(chosen)]
