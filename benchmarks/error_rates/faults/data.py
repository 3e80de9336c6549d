"""Faults of the samples and of their labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from benchmarks.error_rates.setup import Batch, Data, Setup
from benchmarks.error_rates.tokens import VOCABULARY

FEW = 3000
"""Samples to train on, of which a model learns many by heart."""

COPIES = 12
"""Copies of each leaked sample among those trained on."""


def overfitting(setup: Setup, samples: float) -> Setup:
    """Train on few samples, for longer."""
    return replace(
        setup, data=partial(setup.data, train=int(samples)), steps=round(1.5 * setup.steps)
    )


def shuffled_labels(setup: Setup, share: float) -> Setup:
    """Draw a share of the labels at random, all but those tested on."""
    return replace(setup, data=partial(setup.data, train=FEW, wrong=share))


def mismatched_validation(setup: Setup, share: float) -> Setup:
    """Prepare a share of the samples that are validated and tested on otherwise than the trained.

    Their features have changed places; tokens are renamed, as by another vocabulary.
    """

    def data(seed: int) -> Data:
        drawn = setup.data(seed)
        return replace(
            drawn,
            validation=_prepared_otherwise(drawn.validation, share),
            test=_prepared_otherwise(drawn.test, share),
        )

    return replace(setup, data=data)


def _prepared_otherwise(part: Batch, share: float) -> Batch:
    inputs, targets = part
    count = round(share * len(inputs))
    first = inputs[:count]
    if inputs.is_floating_point():
        rows = first.flatten(1)
        changed = rows[:, _shuffled(rows.shape[1])].reshape(first.shape)
    else:
        changed = _shuffled(VOCABULARY)[first]
    return torch.cat([changed, inputs[count:]]), targets


def _shuffled(count: int) -> Tensor:
    """Return the numbers below `count` in an order that is always the same."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(count))


def validation_leak(setup: Setup, share: float) -> Setup:
    """Train on copies of a share of the validation samples: oversampled, and then split.

    They are met so often that they are known by heart before the others are.
    """

    def data(seed: int) -> Data:
        drawn = setup.data(seed)
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
