"""Small training runs with a real fault each, for `tuneguard demo`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tuneguard.exceptions import StoreUnreachableError
from tuneguard.recording import TuneGuardCallback

Criterion: TypeAlias = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
EXPERIMENT = "tuneguard demo"
_BATCH_SIZE = 32


@dataclass(frozen=True)
class Program:
    """Everything that a training loop needs.

    Attributes:
        model: The model at its initialisation.
        optimizer: Its optimizer.
        criterion: The loss.
        training: Data to train on.
        validation: Data to validate on.
        epochs: How often to go through the training data.
        num_classes: Number of classes, or `None` for a regression.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    criterion: Criterion
    training: TensorDataset
    validation: TensorDataset
    epochs: int
    num_classes: int | None = None


def run_demo(fault: str, tracking_uri: str, seed: int = 0) -> str:
    """Train a program with `fault`, recorded into `tracking_uri`, and return the run's id.

    Raises:
        StoreUnreachableError: The tracking store did not give us a run.
    """
    torch.set_num_threads(
        1
    )  # tensors this small are slower on several, above all on a busy machine
    torch.manual_seed(seed)
    program = _PROGRAMS[fault](seed)
    loader = DataLoader(program.training, batch_size=_BATCH_SIZE, shuffle=True, drop_last=True)
    guard = TuneGuardCallback(
        program.model,
        program.optimizer,
        task="regression" if program.num_classes is None else "classification",
        num_classes=program.num_classes,
        planned_steps=program.epochs * len(loader),
        tracking_uri=tracking_uri,
        experiment=EXPERIMENT,
    )
    with guard:
        for _ in range(program.epochs):
            for inputs, targets in guard.batches(loader):
                program.optimizer.zero_grad()
                loss = program.criterion(program.model(inputs), targets)
                loss.backward()  # type: ignore[no-untyped-call]
                guard.on_after_backward(loss)
                program.optimizer.step()
            guard.on_validation_end(_validate(program))
    if guard.run_id is None:
        raise StoreUnreachableError(
            f"{tracking_uri} did not answer. The demo was recorded all the same: "
            "start the store, then run `tuneguard sync`."
        )
    return guard.run_id


def _validate(program: Program) -> dict[str, float]:
    inputs, targets = program.validation.tensors
    program.model.eval()
    with torch.no_grad():
        outputs = program.model(inputs)
    program.model.train()
    metrics = {"loss": float(program.criterion(outputs, targets))}
    if program.num_classes is not None:
        metrics["accuracy"] = float((outputs.argmax(1) == targets).float().mean())
    return metrics


class _Recurrent(nn.Module):
    """A rectified recurrent network whose weights expand what passes through them."""

    def __init__(self, width: int = 32, gain: float = 1.3) -> None:
        super().__init__()
        self.rnn = nn.RNN(1, width, nonlinearity="relu", batch_first=True)
        self.head = nn.Linear(width, 1)
        recurrent: torch.Tensor = self.rnn.get_parameter("weight_hh_l0")
        nn.init.orthogonal_(recurrent, gain=gain)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        states, _ = self.rnn(inputs)
        output: torch.Tensor = self.head(states[:, -1])
        return output.squeeze(1)


def _exploding_gradients(seed: int) -> Program:
    """Train a recurrent network over 40 steps of time without a limit on its gradient."""
    walks = torch.randn(1600, 40, 1, generator=torch.Generator().manual_seed(seed))
    ends = walks[:, :, 0].sum(1) / math.sqrt(40)
    model = _Recurrent()
    return Program(
        model,
        torch.optim.SGD(model.parameters(), lr=0.006, momentum=0.9),
        nn.functional.mse_loss,
        TensorDataset(walks[:1280], ends[:1280]),
        TensorDataset(walks[1280:], ends[1280:]),
        epochs=15,
    )


def _blobs(seed: int, count: int, noise: float) -> TensorDataset:
    """Make ten overlapping clouds of points in 32 dimensions, some of them wrongly labelled."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(10, 32, generator=generator)
    labels = torch.randint(0, 10, (count,), generator=generator)
    points = centres[labels] + 1.5 * torch.randn(count, 32, generator=generator)
    is_wrong = torch.rand(count, generator=generator) < noise
    labels[is_wrong] = torch.randint(0, 10, (int(is_wrong.sum()),), generator=generator)
    return TensorDataset(points, labels)


def _parts(data: TensorDataset, count: int) -> tuple[TensorDataset, TensorDataset]:
    points, labels = data.tensors
    return TensorDataset(points[:count], labels[:count]), TensorDataset(
        points[count:], labels[count:]
    )


def _overfitting(seed: int) -> Program:
    """Train a wide network on 200 samples, one label in seven wrong, for far too long."""
    training, validation = _parts(_blobs(seed, 700, noise=0.15), 200)
    model = nn.Sequential(
        nn.Linear(32, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10)
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return Program(
        model, optimizer, nn.functional.cross_entropy, training, validation, 60, num_classes=10
    )


def _vanishing_gradients(seed: int) -> Program:
    """Train ten sigmoid layers in a row, without normalisation or a residual path."""
    training, validation = _parts(_blobs(seed, 1700, noise=0.0), 1200)
    hidden = [layer for _ in range(9) for layer in (nn.Linear(32, 32), nn.Sigmoid())]
    model = nn.Sequential(*hidden, nn.Linear(32, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return Program(
        model, optimizer, nn.functional.cross_entropy, training, validation, 10, num_classes=10
    )


_PROGRAMS: dict[str, Callable[[int], Program]] = {
    "exploding-gradients": _exploding_gradients,
    "overfitting": _overfitting,
    "vanishing-gradients": _vanishing_gradients,
}
FAULTS = tuple(_PROGRAMS)
"""What can go wrong in a demonstration; the first is the default."""
