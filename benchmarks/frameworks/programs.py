"""What is trained on handwritten digits: a network and its settings, healthy or with one fault."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

INPUTS, CLASSES = 64, 10
Arrays = tuple[NDArray[np.float32], NDArray[np.int64]]


@dataclass(frozen=True)
class Program:
    """One training; everything that a framework needs to know of it.

    Attributes:
        plant: The name of the fault, or `healthy`.
        names: Rules that name the fault, any of them.
        hidden: Units of each hidden layer.
        activation: Of all hidden layers.
        optimizer: `sgd` has a momentum of 0.9, `plain-sgd` has none.
        learning_rate: Constant.
        epochs: How often to go through the training data.
        batch_size: Samples in a batch; a smaller last batch is left out.
        samples: How many to train on.
        wrong_labels: Share of the training labels that are drawn at random.
        has_gap: Whether one value of one training sample is not a number.
        seed: Of data and weights.
    """

    plant: str
    names: frozenset[str]
    hidden: tuple[int, ...] = (128, 128)
    activation: Literal["relu", "sigmoid"] = "relu"
    optimizer: Literal["sgd", "plain-sgd", "adam"] = "sgd"
    learning_rate: float = 0.05
    epochs: int = 20
    batch_size: int = 32
    samples: int = 1200
    wrong_labels: float = 0.0
    has_gap: bool = False
    seed: int = 0

    @property
    def layers(self) -> tuple[tuple[int, int], ...]:
        """Inputs and outputs of each dense layer; the activation comes between them."""
        widths = (INPUTS, *self.hidden, CLASSES)
        return tuple(pairwise(widths))

    @property
    def momentum(self) -> float:
        """Of SGD."""
        return 0.9 if self.optimizer == "sgd" else 0.0

    def split(self) -> tuple[Arrays, Arrays]:
        """Return training and validation data: images of shape `(samples, 64)`, and labels."""
        images, labels = load_digits(return_X_y=True)
        generator = np.random.default_rng(self.seed)
        order = generator.permutation(len(images))
        images = (images[order] / 16 - 0.3).astype(np.float32)
        labels = labels[order].astype(np.int64)
        training = (images[: self.samples].copy(), labels[: self.samples].copy())
        is_wrong = generator.random(self.samples) < self.wrong_labels
        training[1][is_wrong] = generator.integers(0, CLASSES, int(is_wrong.sum()))
        if self.has_gap:
            training[0][self.samples // 2, 20] = np.nan
        return training, (images[1200:], labels[1200:])

    def with_seed(self, seed: int) -> Program:
        """Return the same with another seed."""
        return replace(self, seed=seed)


PROGRAMS = (
    Program("healthy", frozenset()),
    Program(
        "overfitting",
        frozenset({"overfitting"}),
        hidden=(256, 256),
        optimizer="adam",
        learning_rate=1e-3,
        epochs=60,
        samples=200,
        wrong_labels=0.15,
    ),
    Program(
        "learning rate too high",
        frozenset({"learning-rate-too-high", "divergence", "exploding-gradients"}),
        learning_rate=1.5,
        epochs=10,
    ),
    Program(
        "vanishing gradients",
        frozenset({"vanishing-gradients"}),
        hidden=(32,) * 9,
        activation="sigmoid",
        learning_rate=0.1,
        epochs=8,
    ),
    Program(
        "learning rate too low",
        frozenset({"learning-rate-too-low"}),
        optimizer="plain-sgd",
        learning_rate=1e-5,
        epochs=10,
    ),
    Program("NaN in the data", frozenset({"non-finite-values"}), has_gap=True, epochs=5),
)
