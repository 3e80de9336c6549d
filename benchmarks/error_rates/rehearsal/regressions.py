"""Regressions whose targets are far from 0, and a reconstruction of pixels from 0 to 1."""

from __future__ import annotations

from functools import partial

from torch import nn, optim
from torch.nn.functional import huber_loss, mse_loss

from benchmarks.error_rates.networks import Perceptron
from benchmarks.error_rates.rehearsal.networks import Denoiser
from benchmarks.error_rates.rehearsal.samples import denoised, in_own_unit, reactances
from benchmarks.error_rates.schedules import cosine, warmup
from benchmarks.error_rates.setup import Setup


def uncentred() -> Setup:
    """Train on targets whose mean is three times their deviation, with Adam along a cosine."""
    return Setup(
        program="uncentred",
        task="regression",
        num_classes=None,
        data=in_own_unit,
        model=partial(Perceptron, 10, 1, width=64, activation=nn.SiLU),
        criterion=mse_loss,
        optimizer=partial(optim.Adam, lr=0.01),
        rate=cosine,
        batch_size=80,
        steps=600,
    )


def several_outputs() -> Setup:
    """Train three outputs on a robust loss, with momentum and a warm-up."""
    return Setup(
        program="several_outputs",
        task="regression",
        num_classes=None,
        data=reactances,
        model=partial(Perceptron, 6, 3, width=56, activation=nn.LeakyReLU),
        criterion=huber_loss,
        optimizer=partial(optim.SGD, lr=0.1, momentum=0.9),
        rate=warmup,
        steps=500,
    )


def denoising() -> Setup:
    """Train a network to take the noise off images, with AdamW."""
    return Setup(
        program="denoising",
        task="regression",
        num_classes=None,
        data=denoised,
        model=Denoiser,
        criterion=mse_loss,
        optimizer=partial(optim.AdamW, lr=4e-3),
        batch_size=48,
        steps=450,
    )
