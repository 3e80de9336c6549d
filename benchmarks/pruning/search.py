"""The search: what is varied, and the lists of trials that are drawn from it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from torch import optim
from torch.nn.functional import cross_entropy

from benchmarks.error_rates.generated import digits
from benchmarks.error_rates.networks import Perceptron
from benchmarks.error_rates.setup import Setup

TRIALS = 60
REPEATS = 5
STEPS = 300
VALIDATIONS = 15

SPACE: Mapping[str, BaseDistribution] = {
    "learning_rate": FloatDistribution(1e-5, 10.0, log=True),
    "weight_decay": FloatDistribution(1e-6, 0.1, log=True),
    "optimizer": CategoricalDistribution(("sgd", "adam")),
    "batch_size": CategoricalDistribution((16, 32, 64, 128)),
    "width": IntDistribution(8, 128, log=True),
    "depth": IntDistribution(1, 4),
    "dropout": FloatDistribution(0.0, 0.5),
}
"""What is varied: the learning rate over six decades."""

_OPTIMIZERS = {"sgd": partial(optim.SGD, momentum=0.9), "adam": optim.AdamW}


def drawn(repeat: int) -> list[dict[str, Any]]:
    """Return the parameters of the trials of a repeat, as Optuna's random sampler draws them."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=repeat))
    return [study.ask(dict(SPACE)).params for _ in range(TRIALS)]


def setup_of(params: Mapping[str, Any]) -> Setup:
    """Return the training of one trial: a perceptron that tells noisy digits apart."""
    return Setup(
        program="search",
        task="classification",
        num_classes=10,
        data=partial(digits, noise=0.7, flat=True),
        model=partial(
            Perceptron,
            64,
            10,
            width=params["width"],
            depth=params["depth"],
            dropout=params["dropout"],
        ),
        criterion=cross_entropy,
        optimizer=partial(
            _OPTIMIZERS[params["optimizer"]],
            lr=params["learning_rate"],
            weight_decay=params["weight_decay"],
        ),
        batch_size=params["batch_size"],
        steps=STEPS,
        validations=VALIDATIONS,
    )
