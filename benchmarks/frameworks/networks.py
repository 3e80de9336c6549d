"""The programs' networks, optimizers and loaders in PyTorch, for frameworks that take them."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.frameworks.programs import Arrays, Program


def network(program: Program) -> nn.Sequential:
    """Return the network at its initialisation."""
    activation = nn.ReLU if program.activation == "relu" else nn.Sigmoid
    modules: list[nn.Module] = []
    for inputs, outputs in program.layers:
        modules += [nn.Linear(inputs, outputs), activation()]
    return nn.Sequential(*modules[:-1])


def optimizer(program: Program, parameters: Any) -> torch.optim.Optimizer:
    """Return the optimizer of these parameters."""
    if program.optimizer == "adam":
        return torch.optim.Adam(parameters, lr=program.learning_rate)
    return torch.optim.SGD(parameters, lr=program.learning_rate, momentum=program.momentum)


def loaders(program: Program) -> tuple[DataLoader[Any], DataLoader[Any]]:
    """Return what loads training and validation data."""
    training, validation = program.split()
    return (
        DataLoader(_dataset(training), program.batch_size, shuffle=True, drop_last=True),
        DataLoader(_dataset(validation), 256),
    )


def _dataset(arrays: Arrays) -> TensorDataset:
    images, labels = arrays
    return TensorDataset(torch.from_numpy(images), torch.from_numpy(labels))
