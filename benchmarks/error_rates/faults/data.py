"""Faults of the samples and of their labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from benchmarks.error_rates.setup import Batch, Data, Setup

FEW = 1500
"""Samples to train on that a model can learn by heart."""

COPIES = 8


def overfitting(setup: Setup, samples: float) -> Setup:
    """Train on few samples, for longer."""
    return replace(
        setup, data=partial(setup.data, train=int(samples)), steps=round(1.5 * setup.steps)
    )


def shuffled_labels(setup: Setup, share: float) -> Setup:
    """Draw a share of the labels at random, all but those tested on."""
    return replace(setup, data=partial(setup.data, train=FEW, wrong=share))


def mismatched_validation(setup: Setup, share: float) -> Setup:
    """Prepare what is validated and tested on otherwise: a share of the features change places.

    Tokens are renamed instead, as by another vocabulary.
    """

    def data(seed: int) -> Data:
        drawn = setup.data(seed)
        change = _renamed if not drawn.train[0].is_floating_point() else _moved
        return Data(
            drawn.train,
            (change(drawn.validation[0], share), drawn.validation[1]),
            (change(drawn.test[0], share), drawn.test[1]),
        )

    return replace(setup, data=data)


def _moved(inputs: Tensor, share: float) -> Tensor:
    rows = inputs.flatten(1)
    places = _rotated(rows.shape[1], share)
    return rows[:, places].reshape(inputs.shape)


def _renamed(tokens: Tensor, share: float) -> Tensor:
    return _rotated(int(tokens.max()) + 1, share)[tokens]


def _rotated(count: int, share: float) -> Tensor:
    """Return the numbers below `count`, a fixed random share of which have changed places."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(count))
    chosen = order[: round(share * count)]
    places = torch.arange(count)
    places[chosen] = chosen.roll(1)
    return places


def validation_leak(setup: Setup, share: float) -> Setup:
    """Train on copies of a share of the validation samples: oversampled, and then split.

    They are met so often that they are known by heart before the others are.
    """

    def data(seed: int) -> Data:
        drawn = setup.data(seed, train=FEW)
        leaked = round(share * len(drawn.validation[0]))
        inputs, targets = (
            torch.cat([own, *[other[:leaked]] * COPIES])
            for own, other in zip(drawn.train, drawn.validation, strict=True)
        )
        return replace(drawn, train=(inputs, targets))

    return replace(setup, data=data)


def unscaled_inputs(setup: Setup, scale: float) -> Setup:
    """Multiply all inputs, as where pixels are left between 0 and 255."""
    return _with_inputs(setup, lambda inputs: inputs * scale)


def _with_inputs(setup: Setup, change: Callable[[Tensor], Tensor]) -> Setup:
    def data(seed: int) -> Data:
        drawn = setup.data(seed)
        parts = (drawn.train, drawn.validation, drawn.test)
        return Data(*((change(inputs), targets) for inputs, targets in parts))

    return replace(setup, data=data)


def corrupt_batches(setup: Setup, scale: float) -> Setup:
    """Multiply the inputs of every 25th batch."""

    def batch(batch: Batch, step: int) -> Batch:
        inputs, targets = setup.batch(batch, step)
        return (inputs * scale if step % 25 == 20 else inputs), targets

    return replace(setup, batch=batch)
