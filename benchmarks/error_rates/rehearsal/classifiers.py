"""Classifiers of vectors and of waves."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn, optim
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from benchmarks.error_rates.generated import teacher
from benchmarks.error_rates.networks import Perceptron
from benchmarks.error_rates.rehearsal.networks import Binary, Convolutions1d
from benchmarks.error_rates.rehearsal.samples import shells, unequal, waves
from benchmarks.error_rates.schedules import cosine, one_cycle, steps_down
from benchmarks.error_rates.setup import Setup


def wide_relu() -> Setup:
    """Train one very wide layer by plain descent, at a rate that falls in steps."""
    return Setup(
        program="wide_relu",
        task="classification",
        num_classes=7,
        data=partial(teacher, features=26, classes=7, train=10000),
        model=partial(Perceptron, 26, 7, width=512, depth=1),
        criterion=cross_entropy,
        optimizer=partial(optim.SGD, lr=0.5),
        rate=steps_down,
        batch_size=100,
        steps=500,
    )


def elu_unequal() -> Setup:
    """Train four layers of ELU on very unequal classes, with RMSprop along a cosine."""
    return Setup(
        program="elu_unequal",
        task="classification",
        num_classes=5,
        data=unequal,
        model=partial(Perceptron, 14, 5, width=40, depth=4, activation=nn.ELU),
        criterion=cross_entropy,
        optimizer=partial(optim.RMSprop, lr=2e-3),
        rate=cosine,
        batch_size=50,
        steps=500,
    )


def binary_batchnorm() -> Setup:
    """Train a single output with a sigmoid in its loss, behind batch norms and leaky ReLUs."""
    return Setup(
        program="binary_batchnorm",
        task="classification",
        num_classes=2,
        data=shells,
        model=partial(Binary, 10),
        criterion=_of_one_logit,
        optimizer=partial(optim.AdamW, lr=3e-3),
        rate=steps_down,
        batch_size=96,
        steps=450,
    )


def _of_one_logit(outputs: Tensor, targets: Tensor) -> Tensor:
    logits = outputs[:, 1] - outputs[:, 0]
    return binary_cross_entropy_with_logits(logits, targets.float())


def waves_conv1d() -> Setup:
    """Train convolutions of waves with Adam at a rate of one cycle."""
    return Setup(
        program="waves_conv1d",
        task="classification",
        num_classes=6,
        data=waves,
        model=partial(Convolutions1d, 6),
        criterion=cross_entropy,
        optimizer=partial(optim.Adam, lr=0.012),
        rate=one_cycle,
        batch_size=50,
        steps=450,
    )
