"""Short trainings of digits, with a fault or without, recorded as a user would record them."""

from __future__ import annotations

import functools
from collections import OrderedDict
from dataclasses import dataclass

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tuneguard import TuneGuardCallback


@dataclass(frozen=True)
class Training:
    """A way to train.

    Attributes:
        samples: How many samples are trained on.
        noise: Share of labels that are wrong.
        width: Units of the hidden layer.
        learning_rate: Of the first part of the training.
        jump: What the learning rate is multiplied by in mid-run.
        epochs: How long to train.
        measures: What a validation measures. With an accuracy that holds, a loss that climbs
            would be overconfidence.
    """

    samples: int
    noise: float
    width: int
    learning_rate: float
    jump: float
    epochs: int
    measures: tuple[str, ...] = ("loss", "accuracy")


torch.set_num_threads(1)  # tensors this small are slower on several threads

TRAININGS = {
    "healthy": Training(1200, 0.0, 64, 1e-3, jump=1.0, epochs=12),
    "overfitting": Training(200, 0.15, 256, 1e-3, jump=1.0, epochs=50, measures=("loss",)),
    "diverged": Training(600, 0.0, 64, 1e-3, jump=2000.0, epochs=16),
}


SEED = 0
LAYERS = ("hidden", "activation", "output")


def train(
    kind: str, tracking_uri: str, experiment: str, layers: tuple[str, str, str] = LAYERS
) -> str:
    """Train, and return the run's id.

    Args:
        kind: One of `TRAININGS`.
        tracking_uri: Where to record.
        experiment: Name of the experiment; it is created where there is none.
        layers: What the layers are called.
    """
    torch.manual_seed(SEED)
    plan = TRAININGS[kind]
    images, labels = _digits(plan.noise)
    training = TensorDataset(images[: plan.samples], labels[: plan.samples])
    loader = DataLoader(training, batch_size=20, shuffle=True)
    modules = (nn.Linear(64, plan.width), nn.ReLU(), nn.Linear(plan.width, 10))
    model = nn.Sequential(OrderedDict(zip(layers, modules, strict=True)))
    optimizer = torch.optim.Adam(model.parameters(), lr=plan.learning_rate)
    guard = TuneGuardCallback(
        model,
        optimizer,
        num_classes=10,
        planned_steps=plan.epochs * len(loader),
        tracking_uri=tracking_uri,
        experiment=experiment,
    )
    with guard:
        for epoch in range(plan.epochs):
            if epoch == plan.epochs // 2:
                optimizer.param_groups[0]["lr"] *= plan.jump
            for inputs, targets in guard.batches(loader):
                optimizer.zero_grad()
                loss = nn.functional.cross_entropy(model(inputs), targets)
                loss.backward()
                guard.on_after_backward(loss)
                optimizer.step()
            measured = _validate(model, images[1200:], labels[1200:])
            guard.on_validation_end({name: measured[name] for name in plan.measures})
    assert guard.run_id is not None
    return guard.run_id


def _digits(noise: float) -> tuple[torch.Tensor, torch.Tensor]:
    images, labels = _loaded()
    generator = torch.Generator().manual_seed(SEED)
    order = torch.randperm(len(images), generator=generator)
    images, labels = images[order].float() / 16 - 0.3, labels[order]
    is_wrong = torch.rand(len(labels), generator=generator) < noise
    labels[is_wrong] = torch.randint(0, 10, (int(is_wrong.sum()),), generator=generator)
    return images, labels


@functools.cache
def _loaded() -> tuple[torch.Tensor, torch.Tensor]:
    images, labels = load_digits(return_X_y=True)
    return torch.tensor(images), torch.tensor(labels)


def _validate(
    model: nn.Module, images: torch.Tensor, labels: torch.Tensor
) -> dict[str, torch.Tensor]:
    with torch.no_grad():
        outputs = model(images)
    return {
        "loss": nn.functional.cross_entropy(outputs, labels),
        "accuracy": (outputs.argmax(1) == labels).float().mean(),
    }
