"""Classifiers of token sequences."""

from __future__ import annotations

from functools import partial

from torch import optim
from torch.nn.functional import cross_entropy

from benchmarks.error_rates.readers import Attentive, Bag, Recurrent
from benchmarks.error_rates.schedules import warmup_cosine
from benchmarks.error_rates.setup import Setup
from benchmarks.error_rates.tokens import keyword_count, last_keyword, topics


def gru() -> Setup:
    """Train gated recurrent units with Adam and clipped gradients."""
    return Setup(
        program="gru",
        task="classification",
        num_classes=4,
        data=last_keyword,
        model=partial(Recurrent, 4, "gru"),
        criterion=cross_entropy,
        optimizer=partial(optim.Adam, lr=5e-3),
        clip_norm=1.0,
        batch_size=32,
        steps=400,
    )


def lstm() -> Setup:
    """Train a long short-term memory with RMSprop."""
    return Setup(
        program="lstm",
        task="classification",
        num_classes=5,
        data=keyword_count,
        model=partial(Recurrent, 5, "lstm"),
        criterion=cross_entropy,
        optimizer=partial(optim.RMSprop, lr=3e-3),
        batch_size=48,
        steps=500,
    )


def embedding_bag() -> Setup:
    """Train a bag of embeddings with Adam."""
    return Setup(
        program="embedding_bag",
        task="classification",
        num_classes=6,
        data=topics,
        model=partial(Bag, 6),
        criterion=cross_entropy,
        optimizer=partial(optim.Adam, lr=3e-3),
        steps=500,
    )


def transformer() -> Setup:
    """Train attention with AdamW, warm-up and clipped gradients."""
    return Setup(
        program="transformer",
        task="classification",
        num_classes=5,
        data=keyword_count,
        model=partial(Attentive, 5),
        criterion=cross_entropy,
        optimizer=partial(optim.AdamW, lr=8e-3),
        rate=warmup_cosine,
        clip_norm=1.0,
        batch_size=32,
        steps=300,
    )
