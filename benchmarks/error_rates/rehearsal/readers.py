"""Classifiers of series and of tokens."""

from __future__ import annotations

from functools import partial

from torch import optim
from torch.nn.functional import cross_entropy

from benchmarks.error_rates.rehearsal.networks import AttentionPooling, Elman
from benchmarks.error_rates.rehearsal.samples import drifts, marked
from benchmarks.error_rates.setup import Setup


def tanh_rnn() -> Setup:
    """Train plain recurrent units with Adam at a constant rate."""
    return Setup(
        program="tanh_rnn",
        task="classification",
        num_classes=4,
        data=drifts,
        model=partial(Elman, 4, 4),
        criterion=cross_entropy,
        optimizer=partial(optim.Adam, lr=4e-3),
        batch_size=40,
        steps=500,
    )


def attention_pooling() -> Setup:
    """Train a pooling that learns what to look at, with Adagrad."""
    return Setup(
        program="attention_pooling",
        task="classification",
        num_classes=6,
        data=marked,
        model=partial(AttentionPooling, 6),
        criterion=cross_entropy,
        optimizer=partial(optim.Adagrad, lr=0.06),
        batch_size=64,
        steps=500,
    )
